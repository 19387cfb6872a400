//! Machines that change the same secret apart, and bring both changes together with git.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::harness::passphrase::{protect, unlock};
use crate::harness::{Home, Said, need, program, said};
use crate::sharing::{Machine, Origin, PAPER, admitted, first, refused};

/// Two machines that have the secret `TOKEN`, each with a clone whose git calls our driver.
fn two(origin: &Origin) -> (Machine, Machine) {
    let ada = first(origin);
    let bob = admitted(origin, &ada, "bob", "writer");
    (ada, bob)
}

fn commit(machine: &Machine) {
    machine.git_ok(&["add", "--all"]);
    machine.git_ok(&["commit", "--quiet", "--message", "change"]);
}

/// Sets a secret to these values, one after the other, so that the last one has as many changes before it.
fn set(machine: &Machine, name: &str, values: &[&str]) {
    for value in values {
        machine.ok(&["set", name, value]);
    }
}

/// The versions of a secret in the history, newest first.
fn versions(machine: &Machine, name: &str) -> Vec<u64> {
    let history: Value =
        serde_json::from_str(&machine.ok(&["history", name, "-O", "json"]).out).unwrap();
    let earlier = history["earlier"].as_array().unwrap();
    earlier.iter().map(|one| one["version"].as_u64().unwrap()).collect()
}

/// The value of each version in the history, newest first. Restores them, one after the other.
fn earlier_values(machine: &Machine, name: &str) -> Vec<String> {
    let values = versions(machine, name).into_iter().map(|version| {
        machine.ok(&["restore", name, "--version", &version.to_string()]);
        machine.value(name)
    });
    values.collect()
}

/// The names of the secrets.
fn names(machine: &Machine) -> Vec<String> {
    let listed: Value = serde_json::from_str(&machine.ok(&["list", "-O", "json"]).out).unwrap();
    let listed = listed.as_array().unwrap().iter();
    listed.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// What git has not merged.
fn unmerged(machine: &Machine) -> String {
    machine.git(&["diff", "--name-only", "--diff-filter=U"]).out
}

/// Git reports a conflict in the file of `TOKEN`, which is this one, whole.
fn is_conflict(machine: &Machine, merged: &Said, bytes: &[u8]) {
    assert!(!merged.status.success(), "{merged:?}");
    assert_eq!(unmerged(machine), ".fluvio-secret/TOKEN.age\n", "{merged:?}");
    assert_eq!(fs::read(machine.vault().join("TOKEN.age")).unwrap(), bytes, "{merged:?}");
}

fn bytes_of(machine: &Machine) -> Vec<u8> {
    fs::read(machine.vault().join("TOKEN.age")).unwrap()
}

#[test]
fn a_secret_that_two_machines_have_set_apart_is_merged_and_the_other_value_is_kept() {
    if !need::tool("git") {
        return;
    }
    // The later change is that of the one who merges, or of the other one.
    for (of_ada, of_bob) in [(&["ada"][..], &["x", "bob"][..]), (&["x", "ada"], &["bob"])] {
        let origin = Origin::new();
        let (ada, bob) = two(&origin);
        set(&ada, "TOKEN", of_ada);
        ada.push();
        set(&bob, "TOKEN", of_bob);
        commit(&bob);
        bob.pull();
        let (later, earlier) = match of_ada.len() > of_bob.len() {
            true => ("ada", "bob"),
            false => ("bob", "ada"),
        };
        assert_eq!(bob.value("TOKEN"), later);
        bob.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
        ada.pull();
        assert_eq!((ada.value("TOKEN").as_str(), bytes_of(&ada)), (later, bytes_of(&bob)));
        assert_eq!(bob.git(&["status", "--porcelain"]).out, "", "nothing is left over");
        assert!(earlier_values(&bob, "TOKEN").contains(&earlier.to_owned()), "{earlier} is kept");
        let merges = bob.home.audit_log().into_iter().filter(|line| line["event"] == "merge");
        assert_eq!(merges.count(), 1);
    }
}

#[test]
fn machines_that_merge_the_same_changes_agree() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let (ada, bob) = two(&origin);
    for (machine, value) in [(&ada, "ada"), (&bob, "bob")] {
        set(machine, "TOKEN", &[value]);
        // Both make this one.
        set(machine, "NEW", &[value]);
        commit(machine);
    }
    let fetch = || {
        for (machine, other) in [(&ada, &bob), (&bob, &ada)] {
            machine.git_ok(&["fetch", "--quiet", other.clone.to_str().unwrap(), "main"]);
        }
    };
    fetch();
    let merge = || {
        for machine in [&ada, &bob] {
            machine.git_ok(&["merge", "--quiet", "--no-edit", "FETCH_HEAD"]);
        }
        let tree = |machine: &Machine| machine.git(&["rev-parse", "HEAD:.fluvio-secret"]).out;
        assert_eq!(tree(&ada), tree(&bob));
    };
    merge();
    for name in ["TOKEN", "NEW"] {
        let current = ada.value(name);
        assert_eq!(bob.value(name), current, "{name}");
        let other = if current == "ada" { "bob" } else { "ada" };
        assert!(earlier_values(&ada, name).iter().any(|value| value == other), "{name}");
        ada.git_ok(&["checkout", "--quiet", "."]);
    }
    // Now there are two common ancestors.
    set(&ada, "TOKEN", &["x", "later"]);
    set(&bob, "TOKEN", &["earlier"]);
    for machine in [&ada, &bob] {
        commit(machine);
    }
    fetch();
    merge();
    assert_eq!((ada.value("TOKEN").as_str(), bob.value("TOKEN").as_str()), ("later", "later"));
    let merges = ada.home.audit_log().into_iter().filter(|line| line["event"] == "merge");
    assert_eq!(merges.count(), 3, "the ancestors are not merged by the daemon");
}

#[test]
fn a_change_is_merged_with_a_change_of_the_members() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let (ada, bob) = two(&origin);
    let carol = Machine::new(&origin, "carol");
    carol.ok(&["vault", "join", "--yes"]);
    carol.push();
    ada.pull();
    // Each secret is signed and encrypted again for the new list.
    ada.ok(&["member", "admit", "--yes"]);
    ada.push();
    set(&bob, "TOKEN", &["bob"]);
    commit(&bob);
    bob.pull();
    assert_eq!(bob.value("TOKEN"), "bob");
    set(&bob, "TOKEN", &["newer"]);
    bob.push();
    for machine in [&ada, &carol] {
        machine.pull();
        assert_eq!(machine.value("TOKEN"), "newer");
    }
    // What a member sets who is removed at the same time does not count.
    ada.ok(&["member", "remove", &bob.fingerprint()]);
    commit(&ada);
    set(&bob, "TOKEN", &["x", "cnry-of bob"]);
    bob.push();
    let ours = bytes_of(&ada);
    let merged = ada.git(&["pull", "origin", "main"]);
    is_conflict(&ada, &merged, &ours);
    assert!(merged.err.contains("not accepted") && !merged.err.contains("cnry"), "{merged:?}");
    assert_eq!(ada.value("TOKEN"), "newer");
}

#[test]
fn the_later_of_a_change_and_a_deletion_counts_however_gits_conflict_is_resolved() {
    if !need::tool("git") {
        return;
    }
    // Git has a conflict of its own here: a file is changed on one side and removed on the other.
    for keeps_file in [true, false] {
        let origin = Origin::new();
        let (ada, bob) = two(&origin);
        set(&ada, "TOKEN", &["ada"]);
        ada.push();
        set(&bob, "TOKEN", &["x"]);
        bob.ok(&["delete", "TOKEN"]);
        commit(&bob);
        assert!(!bob.git(&["pull", "--quiet", "origin", "main"]).status.success());
        assert_eq!(unmerged(&bob), ".fluvio-secret/TOKEN.age\n");
        if !keeps_file {
            bob.git_ok(&["rm", "--quiet", ".fluvio-secret/TOKEN.age"]);
        }
        commit(&bob);
        for machine in [&bob, &ada] {
            assert_eq!(names(machine), [""; 0], "{keeps_file}");
            refused(&machine.run("TOKEN"), "TOKEN");
            if machine.clone == bob.clone {
                bob.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
                ada.pull();
            }
        }
    }
}

#[test]
fn a_change_after_a_deletion_counts_if_its_file_is_kept() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let (ada, bob) = two(&origin);
    set(&ada, "TOKEN", &["x", "y", "ada"]);
    ada.push();
    bob.ok(&["delete", "TOKEN"]);
    commit(&bob);
    assert!(!bob.git(&["pull", "--quiet", "origin", "main"]).status.success());
    commit(&bob);
    assert_eq!((names(&bob), bob.value("TOKEN")), (vec!["TOKEN".to_owned()], "ada".to_owned()));
    bob.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
    ada.pull();
    assert_eq!(ada.value("TOKEN"), "ada");
    // The mark of the deletion does not come back with a later merge.
    set(&ada, "TOKEN", &["again"]);
    assert_eq!(ada.value("TOKEN"), "again");
}

#[test]
fn a_secret_that_both_have_deleted_is_merged() {
    if !need::tool("git") {
        return;
    }
    for delete in [&["delete", "TOKEN"][..], &["delete", "--purge", "--yes", "TOKEN"]] {
        let origin = Origin::new();
        let (ada, bob) = two(&origin);
        for machine in [&ada, &bob] {
            machine.ok(delete);
            commit(machine);
        }
        ada.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
        bob.pull();
        assert_eq!(names(&bob), [""; 0]);
        bob.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
        ada.pull();
        assert_eq!(names(&ada), [""; 0]);
        set(&bob, "TOKEN", &["again"]);
        bob.push();
        ada.pull();
        assert_eq!(ada.value("TOKEN"), "again");
    }
}

#[test]
fn a_locked_vault_leaves_a_conflict_that_is_merged_after_it_is_unlocked() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let (ada, bob) = two(&origin);
    set(&ada, "TOKEN", &["x", "ada"]);
    ada.push();
    set(&bob, "TOKEN", &["bob"]);
    commit(&bob);
    protect(&bob.home, "p");
    let ours = bytes_of(&bob);
    let merged = bob.git(&["pull", "origin", "main"]);
    is_conflict(&bob, &merged, &ours);
    assert!(merged.err.contains("fluvio-secret unlock"), "{merged:?}");
    assert!(merged.err.contains("git checkout --merge -- .fluvio-secret/TOKEN.age"), "{merged:?}");
    let theirs = bob.home.write("theirs", bytes_of(&ada));
    let file = ".fluvio-secret/TOKEN.age";
    let said = bob.cli(&["git-merge", file, file, theirs.to_str().unwrap(), file]);
    assert_eq!(said.code(), Some(1), "git takes that for a conflict: {said:?}");
    assert!(unlock(&bob.home, &[], "p").status.success());
    bob.git_ok(&["checkout", "--merge", "--", file]);
    commit(&bob);
    assert_eq!(bob.value("TOKEN"), "ada");
}

#[test]
fn without_the_driver_git_reports_a_conflict_and_keeps_one_file_whole() {
    if !need::tool("git") {
        return;
    }
    // Git itself would mix the files if it had only the lines of attributes.
    for (take_away, file) in [
        ("config --remove-section merge.fluvio-secret", Some(".git/info/attributes")),
        ("config merge.fluvio-secret.driver /nowhere/fluvio-secret", None),
        ("version", Some(".git/info/attributes")),
    ] {
        let origin = Origin::new();
        let (ada, bob) = two(&origin);
        set(&ada, "TOKEN", &["x", "ada"]);
        ada.push();
        set(&bob, "TOKEN", &["bob"]);
        commit(&bob);
        bob.git_ok(&take_away.split(' ').collect::<Vec<_>>());
        if let Some(file) = file {
            fs::remove_file(bob.clone.join(file)).unwrap();
        }
        let ours = bytes_of(&bob);
        let merged = bob.git(&["pull", "origin", "main"]);
        is_conflict(&bob, &merged, &ours);
        assert_eq!(bob.value("TOKEN"), "bob");
    }
}

#[test]
fn a_record_that_a_stranger_signed_leaves_a_conflict() {
    if !need::tool("git") {
        return;
    }
    // The version of the stranger's own list is that of the true one, or a higher version, which is not here.
    for more in [&[][..], &PAPER] {
        let origin = Origin::new();
        let (ada, _bob) = two(&origin);
        // The stranger was never admitted, and sets the secret in a vault that it made.
        let mallory = Machine::new(&origin, "mallory");
        mallory.ok(&["vault", "trust", "--yes"]);
        let id = fs::read_to_string(mallory.vault().join(".vault-id")).unwrap();
        let known = mallory.home.path("config/vaults").join(id.trim());
        mallory.ok(&["daemon", "stop"]);
        fs::remove_file(known.join("members")).unwrap();
        fs::remove_dir_all(mallory.vault().join(".members")).unwrap();
        fs::remove_file(mallory.vault().join("TOKEN.age")).unwrap();
        set(&mallory, "TOKEN", &["x"]);
        let shown: Value =
            serde_json::from_str(&ada.ok(&["key", "show", "-O", "json"]).out).unwrap();
        for key in [&[shown["recipient"].as_str().unwrap()], more].concat() {
            mallory.ok(&["member", "add", key]);
        }
        set(&mallory, "TOKEN", &["y", "z", "cnry-of mallory"]);
        mallory.git_ok(&["checkout", "--quiet", ".fluvio-secret/.members"]);
        mallory.git_ok(&["clean", "--quiet", "--force", ".fluvio-secret/.members"]);
        commit(&mallory);
        mallory.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);

        set(&ada, "TOKEN", &["ada"]);
        commit(&ada);
        let ours = bytes_of(&ada);
        let merged = ada.git(&["pull", "origin", "main"]);
        is_conflict(&ada, &merged, &ours);
        assert!(merged.err.contains("not accepted"), "{merged:?}");
        assert!(!merged.err.contains("cnry"), "{merged:?}");
        assert_eq!(ada.value("TOKEN"), "ada");
    }
}

#[test]
fn a_record_for_a_list_that_comes_with_the_merge_is_merged_when_the_list_is_there() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let (ada, bob) = two(&origin);
    ada.ok(&["member", "add", PAPER[0]]);
    set(&ada, "TOKEN", &["x", "ada"]);
    ada.push();
    set(&bob, "TOKEN", &["bob"]);
    commit(&bob);
    let ours = bytes_of(&bob);
    let merged = bob.git(&["pull", "origin", "main"]);
    is_conflict(&bob, &merged, &ours);
    assert!(merged.err.contains("list of members"), "{merged:?}");
    // The next step that is printed.
    bob.git_ok(&["checkout", "--merge", "--", ".fluvio-secret/TOKEN.age"]);
    commit(&bob);
    assert_eq!((bob.value("TOKEN").as_str(), bytes_of(&bob)), ("ada", bytes_of(&ada)));
}

#[test]
fn a_rebase_and_a_cherry_pick_merge_as_well() {
    if !need::tool("git") {
        return;
    }
    for (of_ada, of_bob, later) in
        [(&["ada"][..], &["x", "bob"][..], "bob"), (&["x", "ada"], &["bob"], "ada")]
    {
        let origin = Origin::new();
        let (ada, bob) = two(&origin);
        set(&ada, "TOKEN", of_ada);
        ada.push();
        set(&bob, "TOKEN", of_bob);
        commit(&bob);
        bob.git_ok(&["branch", "change"]);
        bob.git_ok(&["pull", "--quiet", "--rebase", "origin", "main"]);
        assert_eq!(bob.value("TOKEN"), later);
        bob.git_ok(&["reset", "--quiet", "--hard", "origin/main"]);
        assert_eq!(bob.value("TOKEN"), "ada");
        let picked = bob.git(&["cherry-pick", "change"]);
        // A change that adds nothing is no commit.
        assert!(picked.status.success() || picked.err.contains("empty"), "{picked:?}");
        assert_eq!(bob.value("TOKEN"), later);
    }
}

#[test]
fn a_vault_in_any_directory_of_a_repository_is_merged() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = Machine::new(&origin, "ada");
    let project = r#"web "site" [x]"#;
    fs::create_dir(ada.clone.join(project)).unwrap();
    let with =
        |machine: &Machine, args: &[&str]| machine.ok(&[args, &["--vault", project]].concat());
    ada.ok(&["vault", "init", project]);
    with(&ada, &["set", "TOKEN", "from ada"]);
    ada.push();
    let bob = Machine::new(&origin, "bob");
    bob.ok(&["vault", "join", "--yes", project]);
    bob.push();
    ada.pull();
    with(&ada, &["member", "admit", "--yes"]);
    ada.push();
    bob.pull();
    with(&ada, &["set", "TOKEN", "ada"]);
    ada.push();
    for value in ["x", "bob"] {
        with(&bob, &["set", "TOKEN", value]);
    }
    commit(&bob);
    bob.pull();
    let file = format!("{project}/.fluvio-secret/TOKEN.age");
    let at = |commit: &str| bob.git(&["rev-parse", &format!("{commit}:{file}")]).out;
    assert_eq!(at("HEAD"), at("HEAD^1"), "the later one");
    assert_ne!(at("HEAD"), at("HEAD^2"));
}

#[test]
fn git_is_set_up_once_and_other_lines_stay() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = Machine::new(&origin, "ada");
    let file = ada.clone.join(".git/info/attributes");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "*.md text").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    ada.ok(&["vault", "init"]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("*.md text\n# fluvio-secret: the vault "), "{text}");
    assert!(text.ends_with("\n/.fluvio-secret/.purged/*.age merge=fluvio-secret\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o664);
    let driver = ada.git(&["config", "merge.fluvio-secret.driver"]).out;
    let expected = program("fluvio-secret").canonicalize().unwrap();
    assert_eq!(driver, format!("{} git-merge %O %A %B %P\n", expected.display()));
    let again = ada.ok(&["vault", "trust"]);
    assert_eq!(again.err, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "once");
    // A vault that moved.
    fs::create_dir(ada.clone.join("a b")).unwrap();
    fs::rename(ada.vault(), ada.clone.join("a b/.fluvio-secret")).unwrap();
    ada.ok(&["vault", "trust", "--yes", "a b"]);
    let moved = fs::read_to_string(&file).unwrap();
    assert!(!moved.contains("\n/.fluvio-secret"), "{moved}");
    assert!(moved.contains("\n\"/a b/.fluvio-secret/*.age\" merge=fluvio-secret\n"), "{moved}");
    assert_eq!(moved.lines().count(), text.lines().count());
}

#[test]
fn git_is_set_up_in_worktrees_and_submodules_and_nowhere_else() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = Machine::new(&origin, "ada");
    ada.git_ok(&["commit", "--quiet", "--allow-empty", "--message", "start"]);
    let attribute = |directory: &Path| {
        let mut git = ada.home.foreign("git");
        git.args(["check-attr", "merge", "--", ".fluvio-secret/.deleted/A.age"]);
        said(git.current_dir(directory)).out
    };
    let is_set_up = |directory: &Path| attribute(directory).ends_with(": merge: fluvio-secret\n");
    let worktree = ada.home.path("beside");
    ada.git_ok(&["worktree", "add", "--quiet", worktree.to_str().unwrap()]);
    ada.ok(&["vault", "init", worktree.to_str().unwrap()]);
    assert!(is_set_up(&worktree), "{}", attribute(&worktree));
    ada.git_ok(&["push", "--quiet", "origin", "HEAD:main"]);
    let url = ada.git(&["remote", "get-url", "origin"]).out;
    let add =
        ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url.trim(), "sub"];
    ada.git_ok(&add);
    // The variables of a hook, for example.
    let mut cli = ada.home.command("fluvio-secret");
    cli.env("GIT_DIR", ada.clone.join(".git")).env("GIT_WORK_TREE", &ada.clone);
    let made = said(cli.args(["vault", "init", "sub"]).current_dir(&ada.clone));
    assert!(made.status.success(), "{made:?}");
    let sub = ada.clone.join("sub");
    assert!(is_set_up(&sub), "{}", attribute(&sub));
    let of_sub = fs::read_to_string(ada.clone.join(".git/modules/sub/info/attributes")).unwrap();
    assert!(of_sub.contains("\n/.fluvio-secret/*.age merge"), "{of_sub}");
}

#[test]
fn what_git_refuses_is_one_note() {
    if !need::tool("git") {
        return;
    }
    let home = Home::new();
    let project = home.path("weather");
    let notes = |said: &Said| said.err.lines().filter(|line| line.starts_with("note: git")).count();
    let init = |directory: &Path, path: Option<&Path>| {
        fs::create_dir_all(directory).unwrap();
        let mut cli = home.command("fluvio-secret");
        path.map(|path| cli.env("PATH", path));
        let said = said(cli.args(["vault", "init"]).arg(directory));
        assert!(said.status.success(), "{said:?}");
        said
    };
    assert_eq!(notes(&init(&project, None)), 0, "no repository");
    let git = |args: &[&str]| {
        let said = said(home.foreign("git").args(args));
        assert!(said.status.success(), "{said:?}");
    };
    git(&["init", "--quiet", "a"]);
    assert_eq!(notes(&init(&home.path("a"), Some(&home.path("tmp")))), 0, "no git");
    git(&["init", "--quiet", "--bare", "b"]);
    assert_eq!(notes(&init(&home.path("b"), None)), 0, "no work tree");
    let config = fs::read_to_string(home.path("b/config")).unwrap();
    assert!(!config.contains("fluvio-secret"), "{config}");
    // Of another user, or a damaged one.
    git(&["init", "--quiet", "c"]);
    fs::write(home.path("c/.git/config"), "[core\n").unwrap();
    let refused = init(&home.path("c"), None);
    assert_eq!(notes(&refused), 1, "{refused:?}");
    assert!(refused.err.contains("fluvio-secret vault trust"), "{refused:?}");
    git(&["init", "--quiet", "d"]);
    fs::create_dir_all(home.path("d/.git/info/attributes")).unwrap();
    let refused = init(&home.path("d"), None);
    assert_eq!(notes(&refused), 1, "{refused:?}");
}

#[test]
fn doctor_has_the_next_step_for_a_clone_without_the_driver() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    let found = |machine: &Machine| {
        let doctor = machine.cli(&["doctor", "-O", "json"]).out;
        let all: Vec<Value> = serde_json::from_str(&doctor).unwrap();
        all.into_iter().find(|one| one["check"] == "vaults").unwrap()
    };
    assert_eq!(found(&ada)["state"], "ok");
    let driver = "merge.fluvio-secret.driver";
    let unset = || ada.git_ok(&["config", "--unset", driver]);
    let moved = || ada.git_ok(&["config", driver, "/nowhere/x git-merge %O %A %B %P"]);
    let remove = || fs::remove_file(ada.clone.join(".git/info/attributes")).unwrap();
    let steps: [(&dyn Fn(), &str, &str); 3] = [
        (&moved, "warning", "/nowhere/x, which does not exist"),
        (&unset, "error", "line by line"),
        (&remove, "warning", "reports a conflict"),
    ];
    for (step, state, text) in steps {
        step();
        let fault = found(&ada);
        assert_eq!(fault["state"], state, "{fault}");
        assert!(fault["text"].as_str().unwrap().contains(text), "{fault}");
        let fix = fault["fix"].as_str().unwrap();
        let words: Vec<_> = fix.split(' ').collect();
        assert_eq!(words[..3], ["fluvio-secret", "vault", "trust"]);
        ada.ok(&words[1..]);
        assert_eq!(found(&ada)["state"], "ok");
    }
}

#[test]
fn an_older_file_in_place_of_a_newer_one_is_reported() {
    if !need::tool("git") {
        return;
    }
    let origin = Origin::new();
    let ada = first(&origin);
    for name in ["A", "B"] {
        set(&ada, name, &["one"]);
    }
    commit(&ada);
    for name in ["A", "B"] {
        set(&ada, name, &["two"]);
    }
    commit(&ada);
    assert_eq!(ada.value("A"), "two");
    assert!(!ada.ok(&["list"]).err.contains("warning"));
    ada.git_ok(&["checkout", "--quiet", "HEAD^", "--", ".fluvio-secret/A.age"]);
    let listed = ada.ok(&["list"]);
    assert!(
        listed.err.contains("warning: an older file") && listed.err.contains("`A`"),
        "{listed:?}"
    );
    assert!(listed.err.contains("git pull"), "{listed:?}");
    let older = |args: &[&str]| {
        let listed: Vec<Value> = serde_json::from_str(&ada.ok(args).out).unwrap();
        let older = listed.into_iter().filter(|one| one["older"] == true);
        older.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(older(&["list", "-O", "json"]), ["A"]);
    assert_eq!(older(&["list", "--all-vaults", "-O", "json"]), ["A"]);
    ada.git_ok(&["checkout", "--quiet", "HEAD^", "--", ".fluvio-secret/B.age"]);
    for args in [&["list"][..], &["list", "--used"], &["list", "--all-vaults"]] {
        let listed = ada.ok(args);
        assert_eq!(listed.err.matches("warning: ").count(), 1, "{listed:?}");
        assert!(listed.err.contains("`A`, `B`"), "{listed:?}");
    }
    ada.git_ok(&["checkout", "--quiet", "HEAD", "--", ".fluvio-secret"]);
    assert_eq!(older(&["list", "-O", "json"]), [""; 0]);
}

#[test]
fn git_merge_never_prompts_and_changes_nothing_that_it_cannot_merge() {
    let home = Home::new();
    home.ok(&["set", "A", "cnry-one"]);
    let ours = home.write("ours", fs::read(home.secret_file("A")).unwrap());
    let theirs = home.write("theirs", "cnry-theirs");
    let large = home.write("large", vec![b'x'; 2 << 20]);
    let merge = |ours: &Path, theirs: &Path, path: &str| {
        let files = [ours, ours, theirs].map(|path| path.to_str().unwrap().to_owned());
        let [base, ours, theirs] = &files;
        home.cli(&["git-merge", base, ours, theirs, path])
    };
    let before = fs::read(&ours).unwrap();
    for (theirs, path, why) in [
        (&theirs, "data/vault/A.age", "damaged"),
        (&theirs, "data/vault/A.txt", "not the file of a secret"),
        (&theirs, "data/vault/.members/1", "not the file of a secret"),
        (&theirs, "elsewhere/A.age", "elsewhere"),
        (&large, "data/vault/A.age", "too large"),
        (&home.path("none"), "data/vault/A.age", "No such file"),
        (&home.path("tmp"), "data/vault/A.age", "not a regular file"),
    ] {
        let said = merge(&ours, theirs, path);
        assert_eq!(said.code(), Some(1), "{path}: {said:?}");
        assert!(said.err.contains(why) && said.err.contains("git reports a conflict"), "{said:?}");
        assert!(!said.err.contains("cnry") && said.out.is_empty(), "{said:?}");
        assert_eq!(fs::read(&ours).unwrap(), before);
    }
    // The personal vault may be in git, too.
    home.ok(&["set", "A", "cnry-two"]);
    let newer = home.write("newer", fs::read(home.secret_file("A")).unwrap());
    let said = merge(&ours, &newer, "data/vault/A.age");
    assert!(
        said.status.success() && said.err.starts_with("note: both sides have set `A`"),
        "{said:?}"
    );
    assert_eq!(fs::read(&ours).unwrap(), fs::read(&newer).unwrap());
}
