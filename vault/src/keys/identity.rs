//! The keys of age: pairs of X25519, and the file keys that are encrypted for them.
//!
//! The age library computes the public key again for each file that it decrypts, and agrees on keys in a slower way than
//! [`agreement`](super::agreement). Both are most of the time that a short file takes. So the stanza is encrypted and decrypted
//! here: <https://c2sp.org/age#the-x25519-recipient-type>.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError, x25519};
use age_core::format::{self, FILE_KEY_BYTES, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, bech32_decode, hkdf};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

use crate::keys::agreement::{OftenUsedKey, PublicKey, SharedSecret};
use crate::keys::locked_memory::wiping_stack;

/// The tag of the stanzas, and the label of their keys.
const TAG: &str = "X25519";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";

/// A file key, encrypted and authenticated.
const ENCRYPTED_KEY_BYTES: usize = FILE_KEY_BYTES + 16;

/// A key: it decrypts what was encrypted for its recipient.
pub(crate) struct Identity {
    age: x25519::Identity,
    secret: Zeroizing<[u8; 32]>,
    public: PublicKey,
    recipient: Recipient,
    /// Where its stanza was in the file that was decrypted last. The files of a vault have the same recipients in the
    /// same order. To try another stanza takes as long as to decrypt the file.
    place: AtomicUsize,
}

/// A public key that secrets are encrypted for.
#[derive(Clone)]
pub struct Recipient {
    age: x25519::Recipient,
    key: Arc<OftenUsedKey>,
}

/// The key that the content of one file is encrypted with. It is on the heap, so that a move leaves no
/// copy.
pub(crate) type FileKey = Box<Zeroizing<[u8; FILE_KEY_BYTES]>>;

/// Decrypts the one file that has this file key.
pub(crate) struct FileKeyIdentity(pub(crate) FileKey);

/// Decrypts as the first of several identities that can.
pub(crate) struct AnyIdentity<'a> {
    pub(crate) identities: Vec<&'a Identity>,
    /// Which one has decrypted the last file: mostly that one decrypts the next file, too.
    pub(crate) last: &'a AtomicUsize,
}

/// Decrypts as an identity does, and keeps the file key.
pub(crate) struct RecordingIdentity<'a> {
    pub(crate) identity: &'a dyn age::Identity,
    pub(crate) found: &'a OnceCell<FileKey>,
}

impl Identity {
    pub(crate) fn generate() -> Self {
        let age = x25519::Identity::generate();
        Self::parse(age.to_string().expose_secret()).expect("a new identity has a valid line")
    }

    /// Reads its line; `None` if that is damaged.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let age: x25519::Identity = line.parse().ok()?;
        let secret = key_bytes(line)?;
        let recipient = Recipient::of(age.to_public());
        let (public, place) = (PublicKey::of(&secret), AtomicUsize::default());
        Some(Self { age, secret, public, recipient, place })
    }

    /// Its line in an identity file.
    pub(crate) fn to_line(&self) -> Zeroizing<String> {
        Zeroizing::new(self.age.to_string().expose_secret().to_owned())
    }

    pub(crate) fn recipient(&self) -> Recipient {
        self.recipient.clone()
    }

    /// The file key of a stanza; `None` if it is encrypted for another recipient.
    fn file_key(&self, stanza: &Stanza) -> Result<Option<format::FileKey>, DecryptError> {
        let ([share], ENCRYPTED_KEY_BYTES) = (&stanza.args[..], stanza.body.len()) else {
            return Err(DecryptError::InvalidHeader);
        };
        let share = BASE64_STANDARD_NO_PAD.decode(share).ok();
        let share: Option<[u8; 32]> = share.and_then(|share| share.try_into().ok());
        let share = PublicKey(share.ok_or(DecryptError::InvalidHeader)?);
        let shared = share.agree(&self.secret).ok_or(DecryptError::InvalidHeader)?;
        let key = stanza_key(share, self.public, &shared);
        let Ok(bytes) = aead_decrypt(&key, FILE_KEY_BYTES, &stanza.body) else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        Ok(Some(format::FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&bytes))))
    }
}

/// The bytes of a key in its text form, of which the age library has checked the rest. It does not give them away.
fn key_bytes(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let decoded = bech32_decode(
        text,
        |_| (),
        |_| Ok(()),
        |_, bytes| Ok(Zeroizing::new(bytes.collect::<Vec<u8>>())),
    );
    <[u8; 32]>::try_from(&decoded.ok()?[..]).ok().map(Zeroizing::new)
}

/// The key that a file key is encrypted with in a stanza with this share.
fn stanza_key(share: PublicKey, public: PublicKey, shared: &SharedSecret) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hkdf(&[share.0, public.0].concat(), LABEL, &shared[..]))
}

/// Unwraps a file key by one of these, and remembers its place. The one at the last place comes first, if it can do it.
/// Otherwise they are tried in their order.
fn unwrap_from<T>(
    last: &AtomicUsize,
    all: &[T],
    unwrap: impl Fn(&T) -> Option<Result<format::FileKey, DecryptError>>,
) -> Option<Result<format::FileKey, DecryptError>> {
    let likely = all.get(last.load(Ordering::Relaxed));
    if let Some(unwrapped @ Ok(_)) = likely.and_then(&unwrap) {
        return Some(unwrapped);
    }
    let (place, unwrapped) =
        all.iter().enumerate().find_map(|(place, one)| Some((place, unwrap(one)?)))?;
    if unwrapped.is_ok() {
        last.store(place, Ordering::Relaxed);
    }
    Some(unwrapped)
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<format::FileKey, DecryptError>> {
        if stanza.tag == TAG { self.file_key(stanza).transpose() } else { None }
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<format::FileKey, DecryptError>> {
        unwrap_from(&self.place, stanzas, |stanza| self.unwrap_stanza(stanza))
    }
}

impl age::Identity for AnyIdentity<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<format::FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<format::FileKey, DecryptError>> {
        unwrap_from(self.last, &self.identities, |identity| identity.unwrap_stanzas(stanzas))
    }
}

impl age::Identity for RecordingIdentity<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<format::FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<format::FileKey, DecryptError>> {
        let unwrapped = self.identity.unwrap_stanzas(stanzas)?;
        if let Ok(file_key) = &unwrapped {
            // Only the first is used.
            self.found.get_or_init(|| Box::new(Zeroizing::new(*file_key.expose_secret())));
        }
        Some(unwrapped)
    }
}

impl age::Identity for FileKeyIdentity {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<format::FileKey, DecryptError>> {
        Some(Ok(format::FileKey::init_with_mut(|file_key| *file_key = **self.0)))
    }
}

impl Recipient {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::of)
    }

    fn of(age: x25519::Recipient) -> Self {
        let public = key_bytes(&age.to_string()).expect("the age library has read it");
        Self { age, key: Arc::new(OftenUsedKey::of(PublicKey(*public))) }
    }

    /// A stanza with the file key; `None` if the recipient is one for whom anybody could decrypt it.
    fn stanza(&self, file_key: &format::FileKey) -> io::Result<Option<Stanza>> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom(&mut secret[..], GetRandomFlags::empty())?;
        let share = PublicKey::of(&secret);
        let stanza = |shared| {
            let key = stanza_key(share, self.key.public(), &shared);
            let body = aead_encrypt(&key, file_key.expose_secret());
            let args = vec![BASE64_STANDARD_NO_PAD.encode(share.0)];
            Stanza { tag: TAG.to_owned(), args, body }
        };
        Ok(self.key.agree(&secret).map(stanza))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &format::FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = wiping_stack(|| self.stanza(file_key))?;
        let stanza = stanza.ok_or_else(|| io::Error::other("a recipient's key is weak"))?;
        Ok((vec![stanza], HashSet::new()))
    }
}

impl Eq for Recipient {}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.age == other.age
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.age.fmt(f)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.age.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::sync::atomic::Ordering;

    use age::secrecy::ExposeSecret;
    use age::{Identity as _, Recipient as _};
    use age_core::format::Stanza;

    use super::{Identity, Recipient};
    use crate::keys::agreement::USES_BEFORE_TABLE;

    fn stanza(recipient: &dyn age::Recipient) -> Stanza {
        let file_key = age_core::format::FileKey::new(Box::new([7; 16]));
        let (mut stanzas, labels) = recipient.wrap_file_key(&file_key).expect("encrypted");
        assert_eq!((stanzas.len(), labels.len()), (1, 0));
        stanzas.remove(0)
    }

    type Unwrapped = Option<Result<[u8; 16], String>>;

    fn file_key(identity: &dyn age::Identity, stanza: &Stanza) -> Unwrapped {
        let unwrapped = identity.unwrap_stanza(stanza)?;
        Some(unwrapped.map(|key| *key.expose_secret()).map_err(|error| error.to_string()))
    }

    /// Stanzas that are almost this one.
    fn bad(Stanza { tag, args, body }: Stanza) -> Vec<Stanza> {
        let share = args[0].clone();
        let with = |args: &[&str], body: &[u8]| Stanza {
            tag: tag.clone(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            body: body.to_vec(),
        };
        // The last character has two bits that do not count, and must be zero.
        let (head, last) = share.split_at(42);
        let not_canonical = format!("{head}{}", char::from(last.as_bytes()[0] + 1));
        let shares = ["", "AAAA", "*", &"A".repeat(43), &format!("{share}="), &not_canonical];
        let mut bad: Vec<_> = shares.iter().map(|share| with(&[share], &body)).collect();
        bad.push(Stanza { tag: "scrypt".to_owned(), ..with(&[&share], &body) });
        bad.push(with(&[], &body));
        bad.push(with(&[&share, &share], &body));
        bad.push(with(&[&share], &[&[body[0] ^ 1], &body[1..]].concat()));
        bad.push(with(&[&share], &body[1..]));
        bad.push(with(&[&share], &[&body[..], &[0]].concat()));
        bad
    }

    #[test]
    fn a_stanza_is_decrypted_as_the_age_library_does_it() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let [to_us, to_other] = [&ours, &other].map(|identity| stanza(&identity.age.to_public()));
        assert_eq!(file_key(&ours, &to_us), Some(Ok([7; 16])));
        assert_eq!(file_key(&ours, &to_other), None);
        for stanza in bad(to_us).into_iter().chain(bad(to_other)) {
            assert_eq!(file_key(&ours, &stanza), file_key(&ours.age, &stanza), "{stanza:?}");
        }
    }

    #[test]
    fn a_stanza_is_encrypted_as_the_age_library_does_it() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let recipient = ours.recipient();
        // In both ways to agree on a key: a clone is the same recipient.
        for _ in 0..USES_BEFORE_TABLE {
            let [one, another] = [stanza(&recipient), stanza(&recipient.clone())];
            assert_ne!(one, another, "each has a share of its own");
            assert_eq!(file_key(&ours.age, &one), Some(Ok([7; 16])));
            assert_eq!(file_key(&ours, &another), Some(Ok([7; 16])));
            assert_eq!(file_key(&other.age, &one), None);
            let of_library = stanza(&ours.age.to_public());
            assert_eq!((&one.tag, one.args.len()), (&of_library.tag, of_library.args.len()));
        }
    }

    #[test]
    fn nothing_is_encrypted_for_a_key_of_small_order() {
        // The age library panics. The point 0, in the text form of a recipient.
        let weak = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
        let weak = Recipient::parse(weak).expect("a recipient");
        for _ in 0..=USES_BEFORE_TABLE {
            let file_key = age_core::format::FileKey::new(Box::new([7; 16]));
            assert!(weak.wrap_file_key(&file_key).is_err());
        }
    }

    #[test]
    fn a_stanza_is_found_at_each_place_whatever_was_decrypted_before() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let stanzas = |count: usize, own: Option<usize>| -> Vec<Stanza> {
            let of = |place| if Some(place) == own { &ours } else { &other };
            (0..count).map(|place| stanza(&of(place).recipient())).collect()
        };
        for (count, own) in [(3, 2), (3, 0), (1, 0), (4, 3), (4, 1)] {
            let found = ours.unwrap_stanzas(&stanzas(count, Some(own)));
            assert!(matches!(found, Some(Ok(_))), "{own} of {count}");
            assert_eq!(ours.place.load(Ordering::Relaxed), own);
            assert!(ours.unwrap_stanzas(&stanzas(count, None)).is_none());
        }
        assert!(ours.unwrap_stanzas(&[]).is_none());
    }

    #[test]
    fn an_identity_is_read_as_it_is_written() {
        let identity = Identity::generate();
        let again = Identity::parse(&identity.to_line()).expect("an identity");
        assert_eq!(again.to_line(), identity.to_line());
        assert_eq!(again.recipient(), identity.recipient());
        let half = &identity.to_line()[..40];
        assert!(
            iter::once(half)
                .chain(["", "AGE-SECRET-KEY-1"])
                .all(|bad| Identity::parse(bad).is_none())
        );
    }
}
