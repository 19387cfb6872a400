//! X25519, the key agreement of age's stanzas (RFC 7748). Only this file knows the library of its curve.
//!
//! The library's Montgomery ladder is slow. It multiplies in two thirds of that time on the Edwards form of the curve
//! (RFC 7748, section 4.1), where it uses AVX2. With a table of the point, it takes less than a third. Without AVX2, the
//! ladder would be a tenth faster.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use curve25519_dalek::edwards::{EdwardsBasepointTable, EdwardsPoint};
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::traits::{BasepointTable, Identity};
use zeroize::{Zeroize, Zeroizing};

/// A secret that two keys have in common.
pub(crate) type SharedSecret = Zeroizing<[u8; 32]>;

/// A public key, as it is in a stanza.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PublicKey(pub(crate) [u8; 32]);

/// How often a key is used before it gets a table: making that takes as long as it saves in 64 agreements.
pub(crate) const USES_BEFORE_TABLE: u32 = 64;
/// The most tables at the same time, each of 30 KiB.
const MOST_TABLES: usize = 16;

/// The number of tables.
static TABLES: AtomicUsize = AtomicUsize::new(0);

/// A public key that may be used often. Then it gets a table.
pub(crate) struct OftenUsedKey {
    public: PublicKey,
    uses: AtomicU32,
    /// `None` for a key that is not on the Edwards curve, and if there are enough tables.
    table: OnceLock<Option<KeyTable>>,
}

/// The table of a key, which is one of a few.
struct KeyTable {
    /// Apart, because most keys have none.
    points: Box<EdwardsBasepointTable>,
    /// The number of tables with this one.
    tables: &'static AtomicUsize,
}

impl PublicKey {
    /// The public key of a secret one.
    pub(crate) fn of(secret: &[u8; 32]) -> Self {
        Self(EdwardsPoint::mul_base_clamped(*secret).to_montgomery().to_bytes())
    }

    /// The secret that this key and a secret one have in common. `None` for the few public keys that have the same one
    /// with all keys (RFC 7748, section 6.1).
    pub(crate) fn agree(&self, secret: &[u8; 32]) -> Option<SharedSecret> {
        let point = MontgomeryPoint(self.0);
        contributory(match point.to_edwards(0) {
            Some(point) => point.mul_clamped(*secret).to_montgomery(),
            // It is on the twist of the curve. No secret key has such a public one.
            None => point.mul_clamped(*secret),
        })
    }
}

impl OftenUsedKey {
    pub(crate) fn of(public: PublicKey) -> Self {
        Self { public, uses: AtomicU32::new(0), table: OnceLock::new() }
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    /// As [`PublicKey::agree`].
    pub(crate) fn agree(&self, secret: &[u8; 32]) -> Option<SharedSecret> {
        match self.table() {
            Some(table) => contributory(table.points.mul_base_clamped(*secret).to_montgomery()),
            None => self.public.agree(secret),
        }
    }

    fn table(&self) -> Option<&KeyTable> {
        match self.table.get() {
            Some(table) => table.as_ref(),
            None if self.uses.fetch_add(1, Ordering::Relaxed) < USES_BEFORE_TABLE => None,
            None => self.table.get_or_init(|| KeyTable::of(self.public, &TABLES)).as_ref(),
        }
    }
}

impl KeyTable {
    fn of(public: PublicKey, tables: &'static AtomicUsize) -> Option<Self> {
        let point = MontgomeryPoint(public.0).to_edwards(0)?;
        let one_more = |count| (count < MOST_TABLES).then_some(count + 1);
        tables.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self { points: Box::new(EdwardsBasepointTable::create(&point)), tables })
    }
}

impl Drop for KeyTable {
    fn drop(&mut self) {
        self.tables.fetch_sub(1, Ordering::Relaxed);
    }
}

fn contributory(mut product: MontgomeryPoint) -> Option<SharedSecret> {
    // Compared in constant time.
    let is_same_for_all = product == MontgomeryPoint::identity();
    let shared = Zeroizing::new(product.to_bytes());
    product.zeroize();
    (!is_same_for_all).then_some(shared)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::montgomery::MontgomeryPoint;

    use std::sync::atomic::AtomicUsize;

    use super::{KeyTable, MOST_TABLES, OftenUsedKey, PublicKey, USES_BEFORE_TABLE};
    use crate::members::hex;

    fn bytes(digits: &str) -> [u8; 32] {
        hex::decode(digits.as_bytes()).expect("digits")
    }

    /// The secret in common by each way to compute it, which must be one.
    fn agree(public: [u8; 32], secret: &[u8; 32]) -> Option<[u8; 32]> {
        let ladder = MontgomeryPoint(public).mul_clamped(*secret).to_bytes();
        let ladder = (ladder != [0; 32]).then_some(ladder);
        let public = PublicKey(public);
        let often = OftenUsedKey::of(public);
        for _ in 0..=USES_BEFORE_TABLE {
            assert_eq!(often.agree(secret).as_deref(), ladder.as_ref(), "{public:?}");
        }
        assert_eq!((often.public(), often.table.get().is_some()), (public, true));
        ladder
    }

    #[test]
    fn agreements_are_those_of_rfc_7748() {
        // Section 5.2. The second point has the bit that does not count.
        for (secret, public, shared) in [
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ),
            (
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
            ),
        ] {
            assert_eq!(agree(bytes(public), &bytes(secret)), Some(bytes(shared)));
        }
        // Section 6.1.
        let [alice, bob] = [
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        ]
        .map(bytes);
        let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
        let public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
        assert_eq!(PublicKey::of(&alice).0, bytes(public));
        assert_eq!(agree(PublicKey::of(&alice).0, &bob), Some(bytes(shared)));
        assert_eq!(agree(PublicKey::of(&bob).0, &alice), Some(bytes(shared)));
    }

    #[test]
    fn each_point_of_the_curve_and_of_its_twist_gives_what_the_ladder_gives() {
        let mut random = fastrand::Rng::with_seed(7748);
        let mut next = || {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            bytes
        };
        let mut on_curve = 0;
        for _ in 0..200 {
            // Half of all numbers are on the curve. Any bits may be set, also those that do not count.
            let (public, secret) = (next(), next());
            on_curve += u32::from(MontgomeryPoint(public).to_edwards(0).is_some());
            agree(public, &secret);
            agree(PublicKey::of(&public).0, &secret);
        }
        assert!((50..150).contains(&on_curve), "{on_curve}");
    }

    #[test]
    fn a_key_without_a_table_has_no_room_for_one() {
        assert!(size_of::<OftenUsedKey>() < 128);
    }

    #[test]
    fn there_are_a_few_tables() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let table = || KeyTable::of(PublicKey::of(&[7; 32]), &COUNT);
        let mut tables: Vec<_> = std::iter::from_fn(table).collect();
        assert_eq!(tables.len(), MOST_TABLES);
        tables.pop();
        assert!(table().is_some(), "there is room for one");
    }

    #[test]
    fn a_key_of_small_order_has_no_secret_with_another() {
        let small = |low: u8| {
            let mut point = [0; 32];
            point[0] = low;
            point
        };
        // Numbers at and above 2^255 - 19 are other names for 0, 1 and so on.
        let large = |low: u8| {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (low, 0x7f);
            point
        };
        let of_order_8 = [
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ]
        .map(bytes);
        let points = [small(0), small(1), large(0xec), large(0xed), large(0xee)];
        for point in points.into_iter().chain(of_order_8) {
            for secret in [[0; 32], [0xff; 32], [7; 32]] {
                assert_eq!(agree(point, &secret), None, "{point:?}");
            }
        }
    }
}
