//! Machines for tests, the same in each run.

use jiff::Timestamp;

use fluvio_secret_protocol::Role;

use crate::id::VaultId;
use crate::keys::identity::Recipient;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::signing_key::SigningKey;

const RECIPIENTS: [&str; 6] = [
    "age15ssuv45gq6qrz7rcv204rwqkr5qvd8gcv3mtr24kvqf46vlucevsnaretw",
    "age13wxwn6g8awuwquref49d20832cs97zevmmuk3pw4y3t2d35nncxq8q0l4v",
    "age19cpn9vkhrpkx3xlzzy9wn0rvkpuwyntn2au0zwvuccmxt7kv2gzqv8k259",
    "age1r5ultckqzj5ujn0uv3w8m4t6na4lcrxkx4atw9uaa5zk2lr2tugqmc7gkv",
    "age1l6mkl54ul44ptu77vlpherhz3pl044h72wzaxzcp953aw7swcfyq2mu55r",
    "age1lqms7gsxvn6navm3nykhapkemfhrkk55mtpqwdqyuwvh5jdwf9ysr5579c",
];

/// A machine with its keys.
pub(crate) struct TestMachine {
    pub(crate) key: SigningKey,
    pub(crate) recipient: Recipient,
    pub(crate) note: &'static str,
}

impl TestMachine {
    pub(crate) fn member(&self, role: Role) -> Member {
        let key = *self.key.verification_key();
        Member::new(self.recipient.clone(), key, self.note, role)
    }
}

/// Ada, Bob, Cleo and Dan. The seed of the first is 32 times the byte 1, and so on.
pub(crate) fn machines() -> [TestMachine; 4] {
    let notes = ["ada@laptop", "bob@desk", "cleo@\"edge\"", ""];
    let numbers: [usize; 4] = [0, 1, 2, 3];
    numbers.map(|number| TestMachine {
        key: SigningKey::of_seed(&[u8::try_from(number + 1).expect("a byte"); 32]),
        recipient: Recipient::parse(RECIPIENTS[number]).expect("a recipient"),
        note: notes[number],
    })
}

pub(crate) fn vault() -> VaultId {
    VaultId::parse("00112233445566778899aabbccddeeff").expect("an id")
}

pub(crate) fn other_vault() -> VaultId {
    VaultId::parse("ffeeddccbbaa99887766554433221100").expect("an id")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A first list with Ada, who is an admin, Bob, who writes, and Cleo, who reads.
pub(crate) fn first_list() -> MemberList {
    let [ada, bob, cleo, _] = machines();
    let members =
        vec![ada.member(Role::Admin), bob.member(Role::Writer), cleo.member(Role::Reader)];
    MemberList::first(vault(), members, &ada.key).expect("a list")
}

/// The list as another machine finds it.
pub(crate) fn found(list: &SignedList) -> SignedList {
    SignedList::parse(list.bytes().to_vec()).expect("a list")
}
