//! All answers, and the frames that they are sent as.

use fluvio_secret_protocol::check::Checked;
use fluvio_secret_protocol::frame::{Frame, FrameError, Message};
use fluvio_secret_protocol::{
    Activity, Deleted, Examined, Granted, Imported, Key, LeaseEnded, Leased, Leases, Listed,
    Locked, Recipients, Reencrypted, Reencrypting, Refusal, Restored, Status, Stopping, Stored,
    Subscribed, Unlocked, Versions, Working,
};

macro_rules! responses {
    ($($name:ident($message:ident))*) => {
        /// An answer.
        #[derive(Debug)]
        pub(crate) enum Response {
            $($name($message),)*
        }

        impl Response {
            /// Whether no further frame answers the same request.
            #[must_use]
            pub(crate) fn is_last(&self) -> bool {
                match self {
                    $(Self::$name(message) => Message::is_last(message),)*
                }
            }

            pub(crate) fn into_frame(self) -> Result<Frame, FrameError> {
                match self {
                    $(Self::$name(message) => Frame::new(message),)*
                }
            }
        }
    };
}

responses! {
    Activity(Activity) Checked(Checked) Deleted(Deleted) Examined(Examined) Granted(Granted)
    Imported(Imported) Key(Key) LeaseEnded(LeaseEnded) Leased(Leased) Leases(Leases)
    Listed(Listed) Locked(Locked) Recipients(Recipients) Reencrypted(Reencrypted)
    Reencrypting(Reencrypting) Refused(Refusal) Restored(Restored) Status(Status)
    Stopping(Stopping) Stored(Stored) Subscribed(Subscribed) Unlocked(Unlocked)
    Versions(Versions) Working(Working)
}
