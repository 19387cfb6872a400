//! A frame that answers a request.

use serde::de::VariantAccess;
use serde::{Deserialize, Serialize};

use super::member::Reencrypting;
use super::refusal::Refusal;
use crate::frame::{Incoming, Message};
use crate::parts::Parts;

/// The answer takes longer; the daemon lives.
#[derive(Debug, Deserialize, Serialize)]
pub struct Working;

/// What the user should know before the answer comes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The text, for people. It may have lines of its own.
    pub text: String,
}

/// A frame that the daemon sends to the client of a request.
#[derive(Debug)]
pub enum Reply<A> {
    /// An answer.
    Answer(A),
    /// The request was understood and not carried out.
    Refused(Refusal),
    /// How far the daemon is; more follows.
    Reencrypting(Reencrypting),
    /// What the user should know; more follows.
    Notice(Notice),
    /// The daemon is at work; more follows.
    Working(Working),
}

messages! {
    Notice = "notice", last if |_| false;
    Working = "working", last if |_| false;
}

impl<A: Incoming> Incoming for Reply<A> {
    fn read<'de, F: VariantAccess<'de>>(name: &str, fields: F) -> Result<Self, F::Error> {
        match name {
            Refusal::NAME => Refusal::read_fields(fields).map(Self::Refused),
            Reencrypting::NAME => Reencrypting::read_fields(fields).map(Self::Reencrypting),
            Notice::NAME => Notice::read_fields(fields).map(Self::Notice),
            Working::NAME => Working::read_fields(fields).map(Self::Working),
            _ => A::read(name, fields).map(Self::Answer),
        }
    }

    fn content(&mut self) -> &mut dyn Parts {
        match self {
            Self::Answer(answer) => answer.content(),
            Self::Refused(refusal) => refusal,
            Self::Reencrypting(resealing) => resealing,
            Self::Notice(notice) => notice,
            Self::Working(working) => working,
        }
    }
}
