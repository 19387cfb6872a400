//! Types that documents hold as a string: each has `parse` and `Display`.

use crate::id::VaultId;
use crate::keys::identity::Recipient;

macro_rules! impl_text_form {
    ($of:ty) => {
        impl serde::Serialize for $of {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $of {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                // The text is not repeated: it may be anything.
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("invalid"))
            }
        }
    };
}

pub(crate) use impl_text_form;

impl_text_form!(Recipient);
impl_text_form!(VaultId);
