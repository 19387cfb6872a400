//! The answers to who asks for values.
//!
//! The shim asks for nothing else. So it need not decode the other answers, which would be more than a tenth of
//! its size: it is loaded at each start of a connector.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::check::Checked;
use crate::frame::{FrameError, Limits, Message};
use crate::{Granted, Leased, Refusal, Response, Status};

/// Those of [`Response`] that may answer a grant or a lease, as they are there.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Delivery {
    Checked(Checked),
    Granted(Granted),
    Leased(Leased),
    Refused(Refusal),
    Status(Status),
    Working,
}

impl Message for Delivery {
    fn limits(&self) -> Limits {
        match self {
            Self::Granted(granted) => granted.limits(),
            _ => Limits::NONE,
        }
    }

    fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Granted(granted) => granted.parts(),
            _ => Vec::new(),
        }
    }

    fn take_parts(&mut self, parts: Vec<Zeroizing<Vec<u8>>>) -> Result<(), FrameError> {
        match self {
            Self::Granted(granted) => granted.take_parts(parts),
            _ => Ok(()),
        }
    }
}

impl From<Delivery> for Response {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Checked(checked) => Self::Checked(checked),
            Delivery::Granted(granted) => Self::Granted(granted),
            Delivery::Leased(leased) => Self::Leased(leased),
            Delivery::Refused(refusal) => Self::Refused(refusal),
            Delivery::Status(status) => Self::Status(status),
            Delivery::Working => Self::Working,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Delivery;
    use crate::frame::{PREFIX_BYTES, decode_header, encode};
    use crate::{Granted, Response, Secret};

    #[test]
    fn a_delivery_is_the_same_frame_as_the_response() {
        let samples = ["checked", "granted", "leased", "refused", "status", "working"];
        for sample in samples {
            let path = format!("{}/samples/{sample}.response", env!("CARGO_MANIFEST_DIR"));
            let frame = std::fs::read(path).expect("a sample");
            let length: [u8; 4] = frame[..PREFIX_BYTES].try_into().expect("a prefix");
            let end = PREFIX_BYTES + usize::try_from(u32::from_be_bytes(length)).expect("a length");
            let header = decode_header::<Delivery>(&frame[PREFIX_BYTES..end]).expect("a delivery");
            let mut rest = &frame[end..];
            let parts = header.lengths().iter().map(|&length| {
                let (part, more) = rest.split_at(length);
                rest = more;
                part.to_vec().into()
            });
            let parts = parts.collect();
            let delivery = header.with_parts(parts).expect("its parts");
            assert_eq!(
                encode(&Response::from(delivery)).expect("a frame")[..],
                frame[..],
                "{sample}"
            );
        }
    }

    #[test]
    fn a_delivery_without_all_its_values_is_none() {
        let mut granted = Granted { names: vec!["A".parse().expect("a name")], ..empty() };
        assert!(granted.take_parts(Vec::new()).is_err());
        assert!(granted.take_parts(vec![b"x".to_vec().into()]).is_ok());
        assert_eq!(granted.values[0].expose(), Secret::from(b"x".to_vec()).expose());
    }

    fn empty() -> Granted {
        serde_json::from_str(r#"{"names":[],"connector":null,"inject":"auto"}"#).expect("a grant")
    }
}
