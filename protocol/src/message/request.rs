//! The list of all requests.

use serde::de::{Error, VariantAccess};

use super::call::{Call, Worker};
use crate::frame::{Incoming, Message};
use crate::parts::Parts;

/// Calls a macro with all requests, sorted by the noun whose file has them.
#[macro_export]
macro_rules! requests {
    ($macro:ident) => {
        $macro! {
            check: Check;
            grant: Grant;
            key: GetKey Lock Passphrase Retire Rotate Unlock UseIdentity;
            lease: CreateLease EndLease ListLeases;
            member: AddMember AdmitMembers GetMembers MergeMembers RemoveMember RequestMembership;
            record: MergeRecords;
            secret: CopySecret Delete Examine History Import List ListDeleted RenameSecret Restore Set;
            stale: GetStale;
            status: GetActivity GetStatus Stop;
            subscription: Subscribe;
            sync: AcknowledgeTopic AnnounceTopic FollowVault GetSyncDocument JoinTopic ListSyncDocuments TakeDocument;
            vault: ForgetVault InitVault InspectVault ListVaults TrustVault UpgradeVault;
        }
    };
}

macro_rules! request_enum {
    ($($noun:ident: $($request:ident)*;)*) => {
        /// What a client asks of the daemon.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each has the type that says what it is")]
        pub enum Request {
            $($($request(super::$noun::$request),)*)*
        }

        impl Request {
            /// The thread of the daemon that carries it out.
            #[must_use]
            pub fn worker(&self) -> Worker {
                match self {
                    $($(Self::$request(request) => request.worker(),)*)*
                }
            }
        }

        impl Incoming for Request {
            fn read<'de, F: VariantAccess<'de>>(name: &str, fields: F) -> Result<Self, F::Error> {
                match name {
                    $($(super::$noun::$request::NAME => {
                        Message::read_fields(fields).map(Self::$request)
                    })*)*
                    _ => Err(F::Error::unknown_variant(name, &[])),
                }
            }

            fn content(&mut self) -> &mut dyn Parts {
                match self {
                    $($(Self::$request(request) => request,)*)*
                }
            }
        }

        $($(impl From<super::$noun::$request> for Request {
            fn from(request: super::$noun::$request) -> Self {
                Self::$request(request)
            }
        })*)*
    };
}

requests!(request_enum);
