//! The installer of the archive, with stand-ins for what it installs. That what it installs works is for
//! `cargo xtask first-steps` to show.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Home, Said, make_folder, need, said};

const PROGRAMS: [&str; 3] = ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"];
const UNITS: [&str; 4] = [
    "fluvio-secretd.service",
    "fluvio-secretd.socket",
    "fluvio-secret-sync.service",
    "fluvio-secret-sync@.service",
];

/// An archive that was unpacked.
fn archive(home: &Home) -> PathBuf {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let archive = home.path("archive");
    for folder in ["files/bin", "files/share/systemd/user"] {
        make_folder(&archive.join(folder), 0o755);
    }
    for name in PROGRAMS {
        fs::write(archive.join("files/bin").join(name), "#!/bin/sh\n").unwrap();
    }
    for unit in UNITS {
        let to = archive.join("files/share/systemd/user").join(unit);
        fs::copy(packaging.join("systemd").join(unit), to).unwrap();
    }
    for script in ["install.sh", "uninstall.sh"] {
        fs::copy(packaging.join("archive").join(script), archive.join(script)).unwrap();
    }
    make_folder(&home.path("user"), 0o755);
    archive
}

/// Runs a script as a user with a home of their own would.
fn run(home: &Home, script: &Path, args: &[&str]) -> Said {
    let mut shell: Command = home.foreign("sh");
    shell.args(["-c", "umask 077; exec sh \"$@\"", "sh"]).arg(script).args(args);
    said(shell.env("HOME", home.path("user")))
}

#[test]
fn it_can_be_put_into_any_folder_and_taken_out_again() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    for name in ["tools", "R&D|my tools"] {
        let prefix = home.path(name);
        let shown = prefix.to_str().unwrap();
        // Twice, as for a new release.
        for _ in 0..2 {
            let installed = run(&home, &archive.join("install.sh"), &["--prefix", shown]);
            assert!(installed.status.success(), "{installed:?}");
        }
        let unit = prefix.join("share/systemd/user/fluvio-secretd.service");
        let text = fs::read_to_string(&unit).unwrap();
        let line = format!("\nExecStart=\"{shown}/bin/fluvio-secretd\"\n");
        assert!(text.contains(&line), "{text}");
        assert_eq!(fs::metadata(&unit).unwrap().permissions().mode() & 0o777, 0o644);
        let unit = prefix.join("share/systemd/user/fluvio-secret-sync@.service");
        let line = format!("\nExecStart=\"{shown}/bin/fluvio-secret\" sync run --vault %f\n");
        assert!(fs::read_to_string(unit).unwrap().contains(&line));
        let removed = run(&home, &prefix.join("lib/fluvio-secret/uninstall.sh"), &[]);
        assert!(removed.status.success() && !prefix.exists(), "{removed:?}");
    }
}

#[test]
fn e17_removing_waits_for_leases_or_ends_them() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    // It writes down its arguments, and names a lease as the real one does.
    let program = archive.join("files/bin/fluvio-secret");
    let told = home.path("told");
    let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\necho waiting: >&2\n", told.display());
    fs::write(program, script).unwrap();
    let prefix = home.path("one");
    let uninstall = prefix.join("lib/fluvio-secret/uninstall.sh");
    for (args, first) in [(&[][..], "daemon stop"), (&["--end-leases"], "daemon stop --end-leases")]
    {
        let installed =
            run(&home, &archive.join("install.sh"), &["--prefix", prefix.to_str().unwrap()]);
        assert!(installed.status.success(), "{installed:?}");
        for wrong in ["--end-lease", "now"] {
            let refused = run(&home, &uninstall, &[wrong]);
            assert_eq!(refused.code(), Some(2), "{refused:?}");
            assert!(refused.err.contains("--end-leases") && uninstall.exists());
        }
        let removed = run(&home, &uninstall, args);
        assert!(removed.status.success() && !prefix.exists(), "{removed:?}");
        assert!(removed.err.contains("waiting:"), "{removed:?}");
        let lines = fs::read_to_string(&told).unwrap();
        assert_eq!(lines.lines().collect::<Vec<_>>(), ["sync stop --all", first, "daemon stop"]);
        fs::remove_file(&told).unwrap();
    }
}

#[test]
fn what_is_cut_off_in_the_middle_can_be_taken_out() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    let prefix = home.path("tools");
    make_folder(&prefix, 0o755);
    // No directory can be made there.
    fs::write(prefix.join("share"), "").unwrap();
    let cut = run(&home, &archive.join("install.sh"), &["--prefix", prefix.to_str().unwrap()]);
    assert!(!cut.status.success() && prefix.join("bin/fluvio-secret").exists(), "{cut:?}");
    let removed = run(&home, &prefix.join("lib/fluvio-secret/uninstall.sh"), &[]);
    assert!(removed.status.success(), "{removed:?}");
    let left: Vec<_> =
        fs::read_dir(&prefix).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["share"]);
}

#[test]
fn a_link_among_fluvios_extensions_is_replaced_wherever_it_leads() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    let extensions = home.path("user/.fluvio/extensions");
    for folder in [&extensions, &home.path("other")] {
        make_folder(folder, 0o755);
    }
    symlink(home.path("other"), extensions.join("fluvio-secret")).unwrap();
    let installed = run(&home, &archive.join("install.sh"), &[]);
    assert!(installed.status.success(), "{installed:?}");
    let link = fs::read_link(extensions.join("fluvio-secret")).unwrap();
    assert_eq!(link, home.path("user/.local/bin/fluvio-secret"));
    assert_eq!(fs::read_dir(home.path("other")).unwrap().count(), 0);
}

#[test]
fn what_somebody_else_put_in_the_links_place_stays() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    make_folder(&home.path("user/.fluvio"), 0o755);
    let link = home.path("user/.fluvio/extensions/fluvio-secret");
    let install = |name: &str| {
        let prefix = home.path(name);
        let installed =
            run(&home, &archive.join("install.sh"), &["--prefix", prefix.to_str().unwrap()]);
        assert!(installed.status.success(), "{installed:?}");
        prefix
    };
    let remove = |prefix: &Path| {
        let removed = run(&home, &prefix.join("lib/fluvio-secret/uninstall.sh"), &[]);
        assert!(removed.status.success(), "{removed:?}");
    };
    let (one, other) = (install("one"), install("other"));
    remove(&one);
    assert_eq!(fs::read_link(&link).unwrap(), other.join("bin/fluvio-secret"));
    fs::remove_file(&link).unwrap();
    fs::write(&link, "mine").unwrap();
    install("other");
    remove(&other);
    assert_eq!(fs::read_to_string(&link).unwrap(), "mine");
    fs::remove_file(&link).unwrap();
    let only = install("only");
    remove(&only);
    assert!(!only.exists() && link.symlink_metadata().is_err());
}

#[test]
fn what_is_not_ours_is_neither_written_over_nor_removed() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    let prefix = home.path("one");
    let foreign = prefix.join("bin/fluvio-secretd");
    make_folder(&prefix.join("bin"), 0o755);
    fs::write(&foreign, "mine").unwrap();
    let install =
        || run(&home, &archive.join("install.sh"), &["--prefix", prefix.to_str().unwrap()]);
    let refused = install();
    assert!(refused.err.contains("exists, and is not of this installation"), "{refused:?}");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
    assert_eq!(fs::read_dir(&prefix).unwrap().count(), 1, "nothing was begun");
    fs::remove_file(&foreign).unwrap();
    // A name that points to another file.
    let theirs = home.write("theirs", "mine");
    symlink(&theirs, prefix.join("bin/fluvio-secret.new")).unwrap();
    assert!(install().status.success());
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "mine");
    // A copy has the paths of the first one.
    let copy = home.path("copy");
    let copied = said(home.foreign("cp").arg("-a").arg(&prefix).arg(&copy));
    assert!(copied.status.success());
    let refused = run(&home, &copy.join("lib/fluvio-secret/uninstall.sh"), &[]);
    assert!(!refused.status.success() && refused.err.contains("is a copy"), "{refused:?}");
    assert!(foreign.exists());
}

#[test]
fn a_removal_that_failed_can_be_given_again() {
    if !need::sources() {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    let prefix = home.path("one");
    let installed =
        run(&home, &archive.join("install.sh"), &["--prefix", prefix.to_str().unwrap()]);
    assert!(installed.status.success(), "{installed:?}");
    // What rm(1) does not remove.
    let program = prefix.join("bin/fluvio-secretd");
    fs::remove_file(&program).unwrap();
    fs::create_dir(&program).unwrap();
    let remove = || run(&home, &prefix.join("lib/fluvio-secret/uninstall.sh"), &[]);
    let failed = remove();
    assert!(!failed.status.success() && failed.err.contains("run this again"), "{failed:?}");
    fs::remove_dir(&program).unwrap();
    let removed = remove();
    assert!(removed.status.success() && !prefix.exists(), "{removed:?}");
}
