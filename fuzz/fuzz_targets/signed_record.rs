//! Arbitrary bytes as a decrypted record, and as the value of one.
#![no_main]

use std::sync::LazyLock;

use fluvio_secret_protocol::{RecordKind, Secret};
use fluvio_secret_vault::{
    MemberChain, SecretUpdate, SignedList, SignedRecord, SigningKey,
};

/// The vector's first list, which Ada has signed with the seed below.
const LIST: &[u8] = include_bytes!("../../vault/vectors/lists/1");
const ADA: [u8; 32] = [1; 32];

/// What each input is signed and verified with, read once.
static KNOWN: LazyLock<(SigningKey, MemberChain)> = LazyLock::new(|| {
    let key = SigningKey::of_seed(&ADA);
    let list = SignedList::parse(LIST.to_vec()).expect("a list");
    let vault = list.vault();
    let chain = MemberChain::pin(&[list], vault, &key.fingerprint()).expect("a chain");
    (key, chain)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (key, chain) = &*KNOWN;
    if let Ok(record) = SignedRecord::parse(bytes) {
        assert!(record.encode()[..] == *bytes, "it has another form, too");
        if let Ok(verified) = record.verify(chain.newest()) {
            assert!(verified.encode()[..] == *bytes);
        }
    }
    let update = SecretUpdate {
        name: "A".parse().expect("a name"),
        kind: RecordKind::Value,
        counter: 1,
        set_at: Default::default(),
        value: Secret::from(bytes.to_vec()),
    };
    let signed = update.sign(key, chain.newest()).expect("any bytes are a value");
    let read = SignedRecord::parse(&signed.encode()).expect("it was written");
    let read = read.verify(chain.newest()).expect("it was signed");
    assert!(read.value().expose() == bytes);
});
