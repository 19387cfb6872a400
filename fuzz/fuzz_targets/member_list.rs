//! Arbitrary bytes as lists of members: only what an admin has signed is accepted.
#![no_main]

use fluvio_secret_vault::{MemberChain, SignedList, SigningKey};

/// Vectors: two lists, the second after the first.
const GENUINE: [&[u8]; 2] =
    [include_bytes!("../../vault/vectors/lists/1"), include_bytes!("../../vault/vectors/lists/2")];
/// The seeds of the vectors' admins: Ada and Bob.
const ADMINS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let parse = |bytes: &[u8]| SignedList::parse(bytes.to_vec());
    let genuine = GENUINE.map(|bytes| parse(bytes).expect("a list"));
    let admins = ADMINS.map(|seed| SigningKey::of_seed(&seed).fingerprint());
    let mut candidates = genuine.to_vec();
    // Several in one input. No list has that byte.
    for one in bytes.split(|&byte| byte == 0) {
        if let Ok(list) = parse(one) {
            assert!(list.bytes() == one);
            candidates.push(list);
        }
    }
    let mut chain = MemberChain::pin(&genuine, genuine[0].vault(), &admins[0]).expect("a chain");
    let refused = chain.advance(&candidates);
    let newest = chain.newest();
    assert!(admins.contains(&newest.signer()));
    assert!(refused.iter().all(|list| list.hash != newest.hash()));
});
