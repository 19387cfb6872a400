use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use fluvio_secret_protocol::{Role, limits};

use super::{ACCEPTED, MemberStore, NEXT};
use crate::durable_directory::DurableDirectory;
use crate::keys::identity::{Identity, Recipient};
use crate::members::applicant::Applicant;
use crate::members::error::MembersError;
use crate::members::list::{MemberList, SignedList};
use crate::members::member::Member;
use crate::members::signing_key::SigningKey;
use crate::members::signing_key_file::SigningKeyFile;
use crate::members::store_error::MemberStoreError;
use crate::members::test_machines::{TestMachine, machines, other_vault, vault};
use crate::members::versions::{ALL_LISTS, NEWER_LISTS};

/// What a machine has: its directory, and a vault that may be that of others.
struct Place {
    directory: tempfile::TempDir,
    machine: TestMachine,
    store: MemberStore,
}

impl Place {
    fn of(machine: TestMachine) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| {
            fs::create_dir(directory.path().join(name)).expect("a directory");
            DurableDirectory::at(directory.path().join(name))
        };
        let (in_vault, config) = (at("vault"), at("config"));
        let signing = SigningKeyFile::in_directory(config.path());
        let text = format!("# a key\n{}\n", machine.key.to_digits().as_str());
        let file = config.path().join("signing-key.txt");
        fs::write(&file, text).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(file, mode).expect("private");
        let store = MemberStore::of(vault(), in_vault, config, signing);
        Self { directory, machine, store }
    }

    /// The same with a list that it has accepted, and that is in the vault.
    fn with(machine: TestMachine, list: &MemberList) -> Self {
        let place = Self::of(machine);
        place.put(list);
        place.store.accept(list).expect("accepted");
        place
    }

    fn own(&self) -> [Recipient; 1] {
        [self.machine.recipient.clone()]
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Puts a list into the vault, as git does.
    fn put(&self, list: &SignedList) {
        self.put_bytes(list.version(), list.bytes());
    }

    fn put_bytes(&self, version: u64, bytes: &[u8]) {
        fs::create_dir_all(self.path("vault/.members")).expect("a directory");
        fs::write(self.path(&format!("vault/.members/{version}")), bytes).expect("written");
    }

    fn version(&self) -> u64 {
        self.store.read().expect("lists").accepted.expect("a list").version()
    }

    /// The version that is written down on this machine.
    fn written(&self) -> u64 {
        let bytes = fs::read(self.path("config").join(ACCEPTED)).expect("a list");
        SignedList::parse(bytes).expect("a list").version()
    }

    fn prepare(&self) -> Result<u64, MemberStoreError> {
        self.store.prepare(&self.own()).map(|agreed| agreed.list.version())
    }

    /// The fingerprints of the machines that have asked to join.
    fn asked(&self) -> Vec<String> {
        let listed = self.store.listed(&self.own()).expect("members").members;
        listed.into_iter().filter(|one| one.requested).map(|one| one.fingerprint).collect()
    }
}

/// A list with Ada and Bob as admins, and Cleo as a reader.
fn begin() -> MemberList {
    let [ada, bob, cleo, _] = machines();
    let members = vec![ada.member(Role::Admin), bob.member(Role::Admin), cleo.member(Role::Reader)];
    MemberList::first(vault(), members, &ada.key).expect("a list")
}

fn ada(list: &MemberList) -> Place {
    let [ada, ..] = machines();
    Place::with(ada, list)
}

/// The list after this one, with the last member changed.
fn next(list: &MemberList, note: &str, key: &SigningKey) -> MemberList {
    let mut members = list.members().to_vec();
    let last = members.last_mut().expect("a member");
    *last = last.with_note(note);
    list.next(members, key).expect("a list")
}

#[test]
fn lists_of_other_admins_are_accepted_without_a_question() {
    let first = begin();
    let [_, bob, ..] = machines();
    let place = ada(&first);
    let lists = ["one", "two", "three"].iter().scan(first, |list, note| {
        *list = next(list, note, &bob.key);
        Some(list.clone())
    });
    let lists: Vec<_> = lists.collect();
    place.put(&lists[0]);
    assert_eq!((place.version(), place.written()), (2, 1), "reading writes nothing");
    assert_eq!((place.prepare().expect("prepared"), place.written()), (2, 2));
    // Several at once.
    lists[1..].iter().for_each(|list| place.put(list));
    assert_eq!((place.prepare().expect("prepared"), place.written()), (4, 4));
    let listed = place.store.listed(&place.own()).expect("members");
    assert_eq!((listed.version, listed.forked, listed.unfinished), (4, false, None));
    assert_eq!(listed.members[2].note.as_deref(), Some("three"));
    assert!(listed.members[0].own && !listed.members[1].own);
}

#[test]
fn other_lists_are_refused_and_change_nothing() {
    let first = begin();
    let [_, bob, cleo, dan] = machines();
    let alone = |machine: &TestMachine, of| {
        MemberList::first(of, vec![machine.member(Role::Admin)], &machine.key).expect("a list")
    };
    let by_stranger = next(&alone(&dan, vault()), "", &dan.key);
    // Cleo is an admin of the list that she signs, and a reader of the one before.
    let mut members = first.members().to_vec();
    members[2] = cleo.member(Role::Admin);
    let promoted = first.next(members, &bob.key).expect("a list");
    let text = |list: &SignedList| String::from_utf8(list.bytes().to_vec()).expect("text");
    let forged = text(&promoted).replace("\"version\":2", "\"version\":3");
    let skipped = next(&promoted, "a note", &bob.key);
    let foreign = next(&alone(&bob, other_vault()), "", &bob.key);
    let by_reader = {
        let before = next(&first, "theirs", &bob.key);
        let bytes = text(&before)
            .replace(&bob.key.fingerprint().to_string(), &cleo.key.fingerprint().to_string());
        (2, bytes.into_bytes())
    };
    let of = |list: &MemberList| (list.version(), list.bytes().to_vec());
    let renamed = (3, promoted.bytes().to_vec());
    for (why, (version, bytes)) in [
        ("a stranger's", of(&by_stranger)),
        ("a version is missing", of(&skipped)),
        ("another vault's", of(&foreign)),
        ("not by an admin", by_reader),
        ("forged", (3, forged.into_bytes())),
        ("another name", renamed),
        ("rubbish", (2, b"rubbish".to_vec())),
    ] {
        let place = ada(&first);
        place.put_bytes(version, &bytes);
        assert_eq!((place.version(), place.written()), (1, 1), "{why}");
        assert_eq!(place.prepare().expect("the change is made"), 1, "{why}");
        let listed = place.store.listed(&place.own()).expect("members");
        assert_eq!((listed.version, listed.forked), (1, false), "{why}");
        assert!(matches!(place.store.merged(), Ok(None)), "{why}");
    }
}

#[test]
fn an_older_checkout_is_a_rollback_that_the_next_change_undoes() {
    let (first, [_, bob, ..]) = (begin(), machines());
    let second = next(&first, "a note", &bob.key);
    let place = ada(&first);
    place.put(&second);
    place.prepare().expect("prepared");
    fs::remove_file(place.path("vault/.members/2")).expect("an older checkout");
    assert_eq!(place.version(), 2);
    let refused = place.store.read().expect("lists").refused;
    assert!(refused.iter().all(|one| one.reason == MembersError::Rollback) && refused.len() == 1);
    assert_eq!(place.prepare().expect("prepared"), 2);
    assert_eq!(fs::read(place.path("vault/.members/2")).expect("there"), second.bytes());
    // Without any list, too.
    fs::remove_dir_all(place.path("vault/.members")).expect("removed");
    assert_eq!(place.prepare().expect("prepared"), 2);
    assert_eq!(fs::read(place.path("vault/.members/2")).expect("there"), second.bytes());
}

#[test]
fn a_merge_takes_nothing_that_a_removed_admin_added_or_raised() {
    let (first, [ada_, bob, cleo, dan]) = (begin(), machines());
    let ours = first.next(vec![ada_.member(Role::Admin), cleo.member(Role::Reader)], &ada_.key);
    let ours = ours.expect("without Bob");
    let mut members = first.members().to_vec();
    members[2] = cleo.member(Role::Admin);
    members.push(dan.member(Role::Admin));
    let theirs = first.next(members, &bob.key).expect("with Dan");
    // It does not help that another one signs the last list.
    let longer = next(&theirs, "longer", &cleo.key);
    for lists in [vec![&theirs], vec![&theirs, &longer]] {
        let place = ada(&first);
        place.store.accept(&ours).expect("accepted");
        lists.iter().for_each(|list| place.put(list));
        let merged = place.store.merged().expect("lists").expect("a fork");
        assert_eq!(merged.members(), ours.members());
    }
}

#[test]
fn a_merge_takes_what_an_admin_added_who_is_new_in_that_branch() {
    let (first, [ada_, _, cleo, dan]) = (begin(), machines());
    let with = |list: &MemberList, member, key| {
        let members = [list.members(), &[member]].concat();
        list.next(members, key).expect("a list")
    };
    let promoted = {
        let mut members = first.members().to_vec();
        members[2] = cleo.member(Role::Admin);
        first.next(members, &ada_.key).expect("a list")
    };
    let theirs = with(&promoted, dan.member(Role::Reader), &cleo.key);
    let ours = next(&first, "ours", &ada_.key);
    let place = ada(&first);
    place.store.accept(&ours).expect("accepted");
    [&promoted, &theirs].into_iter().for_each(|list| place.put(list));
    let merged = place.store.merged().expect("lists").expect("a fork");
    assert!(merged.find(&dan.key.fingerprint()).is_some());
}

#[test]
fn a_fork_stops_a_machine_on_either_side_and_one_that_took_no_side() {
    let (first, [ada_, bob, ..]) = (begin(), machines());
    let (one, other) = (next(&first, "one", &ada_.key), next(&first, "other", &bob.key));
    let longer = next(&other, "longer", &bob.key);
    let is_stopped = |place: &Place| {
        let before = fs::read_dir(place.path("vault/.members")).expect("lists").count();
        let is_fork = matches!(place.prepare(), Err(MemberStoreError::Fork { version: 2, .. }));
        assert!(place.store.listed(&place.own()).expect("members").forked);
        is_fork && fs::read_dir(place.path("vault/.members")).expect("lists").count() == before
    };
    let merge = |place: &Place| place.store.merged().expect("lists").expect("a fork");
    // It has accepted one, and git has kept the file of the other.
    for others in [vec![&other], vec![&other, &longer]] {
        let place = ada(&first);
        place.store.accept(&one).expect("accepted");
        others.iter().for_each(|list| place.put(list));
        assert!(is_stopped(&place));
        assert_eq!(fs::read(place.path("vault/.members/2")).expect("kept"), other.bytes());
        let merged = merge(&place);
        let ends = [one.hash(), others.last().expect("a list").hash()];
        assert!(merged.predecessors().all(|list| ends.contains(&list)));
        place.store.change(&merged, false).expect("changed");
        place.store.end().expect("ended");
        assert_eq!(place.prepare().expect("the fork is over"), merged.version());
        // The machine on the other side, and one that has accepted neither.
        for before in [*others.last().expect("a list"), &first] {
            let [_, bob, ..] = machines();
            let place = Place::with(bob, before);
            [&first, &other].iter().for_each(|list| place.put(list));
            others.iter().for_each(|list| place.put(list));
            place.put(&merged);
            assert_eq!(place.prepare().expect("accepted"), merged.version());
        }
    }
    // The own one was not in the vault yet when the other one came.
    let place = ada(&first);
    fs::write(place.path("config").join(NEXT), [b"members\n", one.bytes()].concat()).expect("next");
    place.put(&other);
    assert!(is_stopped(&place));
    assert_eq!((merge(&place).version(), place.version()), (3, 1));
}

#[test]
fn a_merge_keeps_who_was_added_and_drops_who_was_removed() {
    let [ada_, bob, cleo, dan] = machines();
    let first = begin();
    let paper = Member::without_key(Identity::generate().recipient(), "paper");
    let eve = SigningKey::generate().expect("a key");
    let recipient = Identity::generate().recipient();
    let eve = |role| Member::new(recipient.clone(), *eve.verification_key(), "eve", role);
    let [by_ada, by_bob] = [
        // Cleo is removed, and Dan and Eve are added.
        (
            vec![
                ada_.member(Role::Admin),
                bob.member(Role::Admin),
                dan.member(Role::Writer),
                eve(Role::Reader),
            ],
            &ada_,
        ),
        // Cleo is changed, paper is added, and Dan has a lower role, and Eve a higher one.
        (
            vec![
                ada_.member(Role::Admin).with_note("ada's new one"),
                bob.member(Role::Admin),
                cleo.member(Role::Writer),
                paper.clone(),
                dan.member(Role::Reader),
                eve(Role::Writer),
            ],
            &bob,
        ),
    ]
    .map(|(members, by)| first.next(members, &by.key).expect("a list"));
    for (accepted, in_vault) in [(&by_ada, &by_bob), (&by_bob, &by_ada)] {
        let place = ada(&first);
        place.store.accept(accepted).expect("accepted");
        place.put(in_vault);
        let merged = place.store.merged().expect("lists").expect("a fork");
        let mut notes: Vec<_> =
            merged.members().iter().map(|one| (one.note(), one.role())).collect();
        notes.sort();
        assert_eq!(
            notes,
            [
                (String::new(), Role::Reader),
                ("ada's new one".to_owned(), Role::Admin),
                ("bob@desk".to_owned(), Role::Admin),
                ("eve".to_owned(), Role::Reader),
                ("paper".to_owned(), Role::Reader),
            ]
        );
        assert!(merged.find(&paper.fingerprint()).is_some());
    }
}

#[test]
fn a_reader_writes_nothing_and_keeps_what_it_has_accepted() {
    let (first, [_, bob, cleo, dan]) = (begin(), machines());
    let place = Place::with(cleo, &first);
    let second = next(&first, "cleo", &bob.key);
    place.put(&second);
    assert!(matches!(place.prepare(), Err(MemberStoreError::Reader { .. })));
    assert_eq!(place.written(), 2, "it accepts no older one after that");
    let stranger = Place::with(dan, &first);
    assert!(matches!(stranger.prepare(), Err(MemberStoreError::NotMember { .. })));
    // The signing key counts, and then the key that decrypts.
    let foreign = place.store.agreed(&place.store.read().expect("lists"), &stranger.own());
    assert!(matches!(foreign, Err(MemberStoreError::Foreign { .. })));
}

#[test]
fn a_change_that_was_killed_is_found_after_each_step() {
    let (first, [ada_, ..]) = (begin(), machines());
    let second = next(&first, "second", &ada_.key);
    for steps in 0..3 {
        let place = ada(&first);
        fs::write(place.path("config").join(NEXT), [b"members\n", second.bytes()].concat())
            .expect("written");
        if steps > 0 {
            place.put(&second);
        }
        if steps > 1 {
            place.store.accept(&second).expect("accepted");
        }
        let listed = place.store.listed(&place.own()).expect("members");
        assert_eq!(listed.version, 2, "{steps}");
        assert_eq!(listed.unfinished, Some(fluvio_secret_protocol::Unfinished::Members));
        // What is set in the meantime is for the next members, and others have the list from then on.
        assert_eq!((place.prepare().expect("prepared"), place.written()), (2, 2), "{steps}");
        assert_eq!(fs::read(place.path("vault/.members/2")).expect("there"), second.bytes());
        place.store.end().expect("ended");
        let listed = place.store.listed(&place.own()).expect("members");
        assert_eq!((listed.version, listed.unfinished), (2, None), "{steps}");
    }
}

#[test]
fn a_list_that_a_power_cut_kept_from_the_vault_is_written_by_the_next_change() {
    let [ada_, ..] = machines();
    let place = Place::of(ada_);
    place.store.begin(&place.machine.recipient, "me").expect("begun");
    let first = fs::read(place.path("vault/.members/1")).expect("a list");
    fs::remove_dir_all(place.path("vault/.members")).expect("removed");
    assert_eq!(place.prepare().expect("prepared"), 1);
    assert_eq!(fs::read(place.path("vault/.members/1")).expect("a list"), first);
}

#[test]
fn lists_of_an_earlier_version_are_taken_over_once() {
    let [ada_, bob, cleo, dan] = machines();
    let place = Place::of(ada_);
    let [own, bob, cleo, dan] =
        [&place.machine.recipient, &bob.recipient, &cleo.recipient, &dan.recipient];
    // Dan is in the vault's list only: this machine has not accepted that.
    fs::write(place.path("vault/.recipients"), format!("{own}\n{dan}\n")).expect("written");
    let accepted = format!("{own}\n# bob's\n{bob}\nrubbish\n{cleo}\n{bob}\n");
    fs::write(place.path("config/recipients.txt"), accepted).expect("written");
    assert!(place.store.is_in_vault().expect("lists"));
    assert_eq!(place.store.own().expect("known").as_ref(), Some(own));
    assert_eq!(place.prepare().expect("prepared"), 1);
    let listed = place.store.listed(&place.own()).expect("members").members;
    let shown: Vec<_> =
        listed.iter().map(|one| (one.recipient.as_str(), one.role, one.own)).collect();
    let [own, bob, cleo] = [own, bob, cleo].map(ToString::to_string);
    assert_eq!(
        shown,
        [(&*own, Role::Admin, true), (&*bob, Role::Reader, false), (&*cleo, Role::Reader, false)]
    );
    assert_eq!(listed[1].note.as_deref(), Some("bob's"));
    assert!(!place.path("vault/.recipients").exists());
    assert!(!place.path("config/recipients.txt").exists());
    assert_eq!(place.prepare().expect("prepared"), 1);
}

#[test]
fn a_machine_that_knows_nothing_takes_only_a_list_with_itself_alone() {
    let [ada_, bob, ..] = machines();
    let alone = MemberList::first(vault(), vec![ada_.member(Role::Admin)], &ada_.key);
    let alone = alone.expect("a list");
    let both = alone.next(vec![ada_.member(Role::Admin), bob.member(Role::Writer)], &ada_.key);
    let place = Place::of(ada_);
    fs::remove_file(place.path("config/signing-key.txt")).expect("it has the identity alone");
    place.put(&alone);
    assert_eq!(place.prepare().expect("prepared"), 1);
    assert!(place.store.listed(&[]).expect("members").members[0].own);
    fs::remove_file(place.path("config").join(ACCEPTED)).expect("removed");
    place.put(&alone);
    place.put(&both.expect("a list"));
    assert!(matches!(place.prepare(), Err(MemberStoreError::Untrusted { .. })));
    assert!(!place.path("config").join(ACCEPTED).exists());
}

#[test]
fn a_request_is_read_and_other_files_are_left_out() {
    let (first, [ada_, bob, cleo, dan]) = (begin(), machines());
    let place = ada(&first);
    let dans = Place::with(dan, &first);
    let (file, fingerprint) =
        dans.store.request(&dans.machine.recipient, Role::Writer, Some("dan")).expect("asked");
    let file = file.expect("a file");
    assert_eq!(file, dans.path("vault/requests").join(fingerprint.to_string()));
    let requests = place.path("vault/requests");
    fs::create_dir(&requests).expect("a directory");
    let good = fs::read(&file).expect("a request");
    fs::write(requests.join(fingerprint.to_string()), &good).expect("copied");
    let sign = |of, machine: &TestMachine, role| {
        Applicant::sign(of, machine.recipient.clone(), "", role, 0, &machine.key)
    };
    let put = |name: &str, bytes: &[u8]| fs::write(requests.join(name), bytes).expect("written");
    let cleos = sign(other_vault(), &cleo, Role::Writer);
    put(&cleos.fingerprint().to_string(), cleos.bytes());
    let bobs = sign(vault(), &bob, Role::Reader);
    put("another-name", bobs.bytes());
    let forged = String::from_utf8(bobs.bytes().to_vec()).expect("text").replace("reader", "admin");
    put(&bobs.fingerprint().to_string(), forged.as_bytes());
    put(&ada_.key.fingerprint().to_string(), &vec![b'x'; 10_000]);
    fs::create_dir(requests.join("directory")).expect("a directory");
    assert_eq!(place.asked(), [fingerprint.to_string()]);
    // What is a member already has nothing to ask for.
    let same = place.store.request(&place.machine.recipient, Role::Admin, None).expect("asked");
    assert_eq!(same, (None, ada_.key.fingerprint()));
    // Another list does not make the request go away, and its admission does.
    place.store.remove_requests(&[], first.members());
    assert_eq!(place.asked(), [fingerprint.to_string()]);
    let applicants = place.store.applicants();
    let member = applicants.expect("requests").remove(0).with_role(Role::Reader);
    assert_eq!(member.note(), "dan");
    place.store.remove_requests(&[], std::slice::from_ref(&member));
    assert_eq!(place.asked(), [fingerprint.to_string()], "it asks for another role");
    place.store.remove_requests(&[fingerprint], &[member]);
    assert!(place.asked().is_empty());
}

#[test]
fn a_vault_has_256_members_and_no_more() {
    let [ada_, ..] = machines();
    let others = |count: usize| {
        (0..count).map(|_| {
            let recipient = Identity::generate().recipient();
            Member::without_key(recipient, "")
        })
    };
    let members =
        |count: usize| [ada_.member(Role::Admin)].into_iter().chain(others(count)).collect();
    let most = MemberList::first(vault(), members(limits::MEMBERS - 1), &ada_.key).expect("a list");
    let more = MemberList::first(vault(), members(limits::MEMBERS), &ada_.key);
    assert_eq!(more.err(), Some(MembersError::Large));
    let place = ada(&most);
    let agreed = place.store.prepare(&place.own()).expect("prepared");
    assert_eq!(agreed.members.len(), 256);
}

#[test]
fn a_flood_of_lists_is_not_read() {
    let list = begin();
    let place = ada(&list);
    // A file for each version, as anyone could write it.
    let second = next(&list, "one", &place.machine.key);
    place.put(&second);
    let mut last = second;
    for _ in 0..2 * NEWER_LISTS {
        last = next(&last, "more", &place.machine.key);
        place.put(&last);
    }
    let read = place.store.read().expect("lists");
    assert_eq!(read.lists.len(), NEWER_LISTS + 1);
    // The next command continues.
    place.store.prepare(&place.own()).expect("accepted");
    place.store.prepare(&place.own()).expect("accepted");
    place.store.prepare(&place.own()).expect("accepted");
    assert_eq!(place.written(), last.version());
    for version in 0..=ALL_LISTS as u64 {
        place.put_bytes(last.version() + 2 + version, b"rubbish");
    }
    let read = place.store.read().expect("lists");
    assert_eq!((read.lists.len(), place.version()), (1, last.version()));
    let newcomer = MemberStore::of(
        vault(),
        DurableDirectory::at(place.path("vault")),
        DurableDirectory::at(place.path("nowhere")),
        SigningKeyFile::in_directory(&place.path("config")),
    );
    let error = newcomer.read().expect_err("refused");
    assert!(matches!(error, MemberStoreError::ManyLists { .. }), "{error}");
}

#[test]
fn members_are_listed_whatever_is_in_the_place_of_the_requests() {
    let list = begin();
    let place = ada(&list);
    let count = list.members().len();
    let requests = place.path("vault/requests");
    let listed = || place.store.listed(&place.own()).expect("members");
    assert_eq!((listed().members.len(), listed().trouble), (count, None));
    let machine = machines().into_iter().last().expect("Dan");
    let asked = Applicant::sign(vault(), machine.recipient, "", Role::Reader, 0, &machine.key);
    fs::create_dir(&requests).expect("a directory");
    fs::write(requests.join(asked.fingerprint().to_string()), asked.bytes()).expect("written");
    for other in ["README", "x"] {
        fs::write(requests.join(other), "").expect("written");
    }
    assert_eq!((listed().members.len(), listed().trouble), (count + 1, None));
    for other in 0..2000 {
        fs::write(requests.join(format!("{other:032x}")), "").expect("written");
    }
    let trouble = listed().trouble.expect("a flood");
    assert!(trouble.contains("more than 256"), "{trouble}");
    fs::rename(&requests, place.path("requests")).expect("moved");
    symlink(place.path("requests"), &requests).expect("a link");
    let listed = || place.store.listed(&place.own()).expect("members");
    let trouble = listed().trouble.expect("a link");
    assert!(trouble.contains("is a symbolic link") && listed().members.len() == count, "{trouble}");
    fs::remove_file(&requests).expect("removed");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &requests, fifo, 0o600.into(), 0).expect("a FIFO");
    let trouble = listed().trouble.expect("a FIFO");
    assert!(trouble.contains("not a directory") && listed().members.len() == count, "{trouble}");
}
