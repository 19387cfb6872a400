//! What travels beside the JSON of a message, as parts of its frame.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{Secret, SecretName};

/// The bytes of a part.
pub type Part = Zeroizing<Vec<u8>>;

/// The parts of a message. By default it has none.
pub trait Parts {
    /// The most bytes of each part that it has.
    fn limits(&self) -> Vec<usize> {
        Vec::new()
    }

    /// The parts, in their order.
    fn parts(&self) -> Vec<&[u8]> {
        Vec::new()
    }

    /// Moves the parts of a frame, of which there are as many as limits, into the message.
    fn fill(&mut self, _parts: &mut dyn Iterator<Item = Part>) {}

    /// Whether the other fields are within their limits.
    fn is_within_limits(&self) -> bool {
        true
    }
}

/// A field that travels as parts. Before they arrive, it has as many empty ones.
pub(crate) trait PartField {
    fn slices(&self) -> Vec<&[u8]>;

    fn fill(&mut self, parts: &mut dyn Iterator<Item = Part>);
}

impl PartField for Part {
    fn slices(&self) -> Vec<&[u8]> {
        vec![self]
    }

    fn fill(&mut self, parts: &mut dyn Iterator<Item = Part>) {
        *self = parts.next().unwrap_or_default();
    }
}

impl PartField for Secret {
    fn slices(&self) -> Vec<&[u8]> {
        vec![self.expose()]
    }

    fn fill(&mut self, parts: &mut dyn Iterator<Item = Part>) {
        *self = parts.next().map(Self::new).unwrap_or_default();
    }
}

impl<F: PartField> PartField for Option<F> {
    fn slices(&self) -> Vec<&[u8]> {
        self.iter().flat_map(F::slices).collect()
    }

    fn fill(&mut self, parts: &mut dyn Iterator<Item = Part>) {
        self.iter_mut().for_each(|field| field.fill(parts));
    }
}

impl PartField for Vec<(SecretName, Secret)> {
    fn slices(&self) -> Vec<&[u8]> {
        self.iter().map(|(_, value)| value.expose()).collect()
    }

    fn fill(&mut self, parts: &mut dyn Iterator<Item = Part>) {
        self.iter_mut().for_each(|(_, value)| value.fill(parts));
    }
}

/// A secret whose place in the JSON only says whether it is there.
pub(crate) mod announced {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the shape that serde wants")]
    pub(crate) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.is_some().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(bool::deserialize(deserializer)?.then(Secret::default))
    }
}

/// Secrets of which the JSON has the names.
pub(crate) mod named {
    use super::{Deserialize, Deserializer, Secret, SecretName, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        secrets: &[(SecretName, Secret)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(secrets.iter().map(|(name, _)| name))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(SecretName, Secret)>, D::Error> {
        let names = Vec::<SecretName>::deserialize(deserializer)?;
        Ok(names.into_iter().map(|name| (name, Secret::default())).collect())
    }
}
