//! Arbitrary bytes as lists of members: only what an admin has signed is accepted.
#![no_main]

use std::sync::LazyLock;

use fluvio_secret_vault::{KeyFingerprint, MemberChain, SignedList, SigningKey};

/// Vectors: two lists, the second after the first.
const GENUINE: [&[u8]; 2] =
    [include_bytes!("../../vault/vectors/lists/1"), include_bytes!("../../vault/vectors/lists/2")];
/// The seeds of the vectors' admins: Ada and Bob.
const ADMINS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

/// What each input is compared with, read once.
static KNOWN: LazyLock<(Vec<SignedList>, [KeyFingerprint; 2])> = LazyLock::new(|| {
    let parse = |bytes: &[u8]| SignedList::parse(bytes.to_vec()).expect("a list");
    let admins = ADMINS.map(|seed| SigningKey::of_seed(&seed).fingerprint());
    (GENUINE.map(parse).to_vec(), admins)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (genuine, admins) = &*KNOWN;
    let mut candidates = genuine.clone();
    // Several in one input. No list has that byte.
    for one in bytes.split(|&byte| byte == 0) {
        if let Ok(list) = SignedList::parse(one.to_vec()) {
            assert!(list.bytes() == one);
            candidates.push(list);
        }
    }
    let mut chain = MemberChain::pin(genuine, genuine[0].vault(), &admins[0]).expect("a chain");
    let refused = chain.advance(&candidates);
    let newest = chain.newest();
    assert!(admins.contains(&newest.signer()));
    assert!(refused.iter().all(|list| list.hash != newest.hash()));
});
