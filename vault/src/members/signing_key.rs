//! The keys that sign: Ed25519 as in RFC 8032. Only this file knows their library.

use std::fmt;
use std::io;

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

use crate::keys::identity::Recipient;
use crate::keys::locked_memory::wiping_stack;
use crate::members::content_hash::ContentHash;
use crate::members::hex;
use crate::members::text_form::impl_text_form;

pub(crate) const SIGNATURE_BYTES: usize = 64;

/// A machine's signing key: it signs what the machine writes.
///
/// It is wiped when dropped, and on the heap, so that a move leaves no copy.
pub struct SigningKey {
    key: Box<ed25519_dalek::SigningKey>,
    verification: VerificationKey,
}

/// The public part of a signing key: it verifies signatures. 64 lowercase hexadecimal digits as text.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct VerificationKey {
    key: VerifyingKey,
    /// Documents name keys by it, so it is looked for often.
    fingerprint: KeyFingerprint,
}

/// Names a verification key: the first 16 bytes of the SHA-256 of its 32 bytes. 32 lowercase hexadecimal
/// digits as text.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyFingerprint([u8; 16]);

impl SigningKey {
    /// Makes a new key.
    pub fn generate() -> io::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom(&mut seed[..], GetRandomFlags::empty())?;
        Ok(Self::of_seed(&seed))
    }

    /// The key of a seed.
    #[must_use]
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        let key = wiping_stack(|| Box::new(ed25519_dalek::SigningKey::from_bytes(seed)));
        let verification = VerificationKey::of(key.verifying_key());
        Self { key, verification }
    }

    /// Reads the digits of a seed; `None` if they are not 64 lowercase hexadecimal ones.
    pub(crate) fn parse(digits: &[u8]) -> Option<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_into(digits, &mut seed[..])?;
        Some(Self::of_seed(&seed))
    }

    /// The digits of the seed.
    pub(crate) fn to_digits(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.key.as_bytes()))
    }

    /// The key that verifies its signatures.
    #[must_use]
    pub fn verification_key(&self) -> &VerificationKey {
        &self.verification
    }

    /// The fingerprint of its verification key.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.verification.fingerprint
    }

    /// Only [`signed_text`](super::signed_text) calls this: a message must begin with its domain.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        wiping_stack(|| self.key.sign(message).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(…, fingerprint {})", self.fingerprint())
    }
}

impl VerificationKey {
    fn of(key: VerifyingKey) -> Self {
        let fingerprint = KeyFingerprint(ContentHash::of(key.as_bytes()).beginning());
        Self { key, fingerprint }
    }

    /// Reads the digits; `None` if they are not those of a key. A weak key is not one: it has signatures that
    /// fit many messages.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&hex::decode(text.as_bytes())?).ok()?;
        (!key.is_weak()).then(|| Self::of(key))
    }

    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.fingerprint
    }

    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        // The message may have a value, the end of which is hashed on the stack.
        wiping_stack(|| self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }
}

impl fmt::Display for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.key.as_bytes()))
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({self})")
    }
}

impl KeyFingerprint {
    /// Names a member that has no verification key.
    pub(crate) fn of_recipient(recipient: &Recipient) -> Self {
        Self(ContentHash::of(recipient.to_string().as_bytes()).beginning())
    }

    /// Reads the digits; `None` if they are not 32 lowercase hexadecimal ones.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFingerprint({self})")
    }
}

impl_text_form!(VerificationKey);
impl_text_form!(KeyFingerprint);

#[cfg(test)]
mod tests {
    use super::{SigningKey, VerificationKey};

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // Its section 7.1, test 2.
        let seed = b"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let key = SigningKey::parse(seed).expect("a seed");
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        assert_eq!(key.verification_key().to_string(), public);
        let signature = key.sign(b"\x72");
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(super::hex::encode(&signature), expected);
        assert!(key.verification_key().has_signed(b"\x72", &signature));
        assert!(!key.verification_key().has_signed(b"\x73", &signature));
    }

    #[test]
    fn a_weak_key_is_not_a_key() {
        let one = format!("01{}", "00".repeat(31));
        assert!(VerificationKey::parse(&one).is_none(), "the neutral point");
        assert!(VerificationKey::parse(&"00".repeat(32)).is_none(), "a point of order 4");
        assert!(VerificationKey::parse(&format!("02{}", "00".repeat(31))).is_none(), "no point");
        let key = *SigningKey::generate().expect("a key").verification_key();
        assert_eq!(VerificationKey::parse(&key.to_string()), Some(key));
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = SigningKey::generate().expect("a key");
        let printed = format!("{key:?} {key:#?}");
        assert!(printed.contains(&key.fingerprint().to_string()));
        assert!(!printed.contains(key.to_digits().as_str()));
        assert_eq!(key.fingerprint().to_string().len(), 32);
        let again = SigningKey::parse(key.to_digits().as_bytes()).expect("a key");
        assert_eq!(again.verification_key(), key.verification_key());
    }
}
