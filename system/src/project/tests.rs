use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::{ProjectError, at, choose, project_of, search};
use crate::help::Helpful;

const ID: &str = "00112233445566778899aabbccddeeff";

/// A directory without links in its path.
fn directory() -> (TempDir, PathBuf) {
    let made = tempfile::tempdir().expect("a directory");
    let path = made.path().canonicalize().expect("a path");
    (made, path)
}

/// A vault in a project, which may be new.
fn vault(project: &Path) -> PathBuf {
    let vault = project.join(".fluvio-secret");
    fs::create_dir_all(&vault).expect("a directory");
    fs::write(vault.join(".vault-id"), format!("{ID}\n")).expect("an id");
    vault
}

/// The directory of the vault that a search finds.
fn found(from: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let found = search(from, home.map(Path::as_os_str)).expect("a search");
    found.map(|vault| {
        assert_eq!(vault.id, ID);
        vault.path.into()
    })
}

fn refused(from: &Path) -> ProjectError {
    search(from, None).expect_err("refused")
}

#[test]
fn the_nearest_vault_upward_is_found() {
    let (_made, root) = directory();
    let deep = root.join("p/a/b");
    fs::create_dir_all(&deep).expect("a directory");
    assert_eq!(found(&deep, Some(&root)), None);
    let outer = vault(&root.join("p"));
    for from in [&deep, &root.join("p"), &outer] {
        assert_eq!(found(from, Some(&root)), Some(outer.clone()));
    }
    let inner = vault(&root.join("p/a"));
    assert_eq!(found(&deep, None), Some(inner));
    assert_eq!(found(&root, None), None, "nothing below it counts");
}

#[test]
fn the_search_ends_at_the_home_directory() {
    let (_made, root) = directory();
    let home = root.join("home");
    fs::create_dir_all(home.join("p")).expect("a directory");
    let above = vault(&root);
    assert_eq!(found(&home.join("p"), Some(&home)), None);
    assert_eq!(found(&home, Some(&home)), None);
    let link = root.join("link");
    symlink(&home, &link).expect("a link");
    assert_eq!(found(&link.join("p"), Some(&link)), None, "a home that is a link");
    assert_eq!(found(&home.join("p"), Some(&link)), None);
    // Without a home, with one elsewhere, and outside of it.
    assert_eq!(found(&home.join("p"), None), Some(above.clone()));
    assert_eq!(found(&home.join("p"), Some(Path::new("/nowhere"))), Some(above.clone()));
    assert_eq!(found(&home.join("p"), Some(Path::new(""))), Some(above.clone()));
    fs::create_dir(root.join("srv")).expect("a directory");
    assert_eq!(found(&root.join("srv"), Some(&home)), Some(above));
    let own = vault(&home);
    assert_eq!(found(&home.join("p"), Some(&home)), Some(own), "the home itself counts");
}

#[test]
fn a_directory_of_another_user_is_not_crossed() {
    if !geteuid().is_root() {
        return;
    }
    let other = |path: &Path| chown(path, Some(12345), None).expect("another owner");
    let (_made, root) = directory();
    let deep = root.join("p/a/b");
    fs::create_dir_all(&deep).expect("a directory");
    vault(&root.join("p"));
    other(&root.join("p/a"));
    assert_eq!(found(&deep, None), None, "between them");
    chown(root.join("p/a"), Some(0), None).expect("our own");
    other(&root.join("p"));
    assert_eq!(found(&deep, None), None, "the project");
    chown(root.join("p"), Some(0), None).expect("our own");
    other(&deep);
    assert_eq!(found(&deep, None), None, "where the search begins");
    chown(&deep, Some(0), None).expect("our own");
    let vault = root.join("p/.fluvio-secret");
    other(&vault);
    let error = refused(&deep);
    assert!(error.to_string().contains("another user owns it"), "{error}");
    // You may name it.
    assert_eq!(Path::new(&at(&root.join("p")).expect("a vault").path), vault);
}

#[test]
fn a_link_leads_to_the_directory_itself() {
    let (_made, root) = directory();
    let inner = vault(&root.join("p/inner"));
    symlink(&inner, root.join("p/.fluvio-secret")).expect("a link");
    symlink(root.join("p"), root.join("q")).expect("a link");
    assert_eq!(found(&root.join("q"), None), Some(inner.clone()));
    assert_eq!(Path::new(&at(&root.join("q")).expect("a vault").path), inner);
    fs::remove_dir_all(root.join("p/inner")).expect("removed");
    let error = refused(&root.join("p"));
    assert!(error.to_string().starts_with("cannot open "), "{error}");
}

#[test]
fn a_link_out_of_the_project_has_to_be_named() {
    let (_made, root) = directory();
    let another = vault(&root.join("another"));
    fs::create_dir(root.join("p")).expect("a directory");
    symlink(&another, root.join("p/.fluvio-secret")).expect("a link");
    let report = refused(&root.join("p")).report();
    assert!(report.contains("a link to another directory"), "{report}");
    assert!(report.contains("--vault DIR") && report.contains("--vault personal"), "{report}");
    assert_eq!(Path::new(&at(&root.join("p")).expect("named").path), another);
}

#[test]
fn what_is_found_and_is_no_vault_is_refused() {
    let (_made, root) = directory();
    let is_refused = |why: &str, step: &str| {
        for error in [refused(&root), at(&root).expect_err("refused")] {
            let report = error.report();
            let path = root.join(".fluvio-secret").display().to_string();
            assert!(report.contains(why) && report.contains(&path), "{report}");
            assert!(report.contains(step) && report.contains("--vault personal"), "{report}");
        }
    };
    let path = root.join(".fluvio-secret");
    fs::write(&path, "").expect("a file");
    is_refused("it is not a directory", "move it away");
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a directory");
    is_refused("it has no .vault-id", "restore that file");
    let id = path.join(".vault-id");
    for bad in [
        "",
        "\n",
        &ID[1..],
        &ID.to_uppercase(),
        &format!("{ID}0"),
        &format!(" {ID}"),
        &format!("{ID} "),
        &format!("{ID}\n{ID}\n"),
        &format!("{ID}\n\n\n\n{ID}"),
    ] {
        fs::write(&id, bad).expect("a file");
        is_refused("its .vault-id is invalid", "restore that file");
    }
    fs::write(&id, format!("{ID}\r\n")).expect("a file");
    assert_eq!(found(&root, None), Some(path));
    fs::rename(&id, root.join("id")).expect("moved");
    symlink(root.join("id"), &id).expect("a link");
    is_refused("it is not a regular file", "--vault DIR");
}

#[test]
fn a_path_that_is_not_utf8_is_refused() {
    let (_made, root) = directory();
    let odd = root.join(OsStr::from_bytes(b"odd\xff"));
    fs::create_dir(&odd).expect("a directory");
    assert_eq!(found(&odd, None), None);
    vault(&odd);
    for error in [refused(&odd), at(&odd).expect_err("refused")] {
        assert!(error.report().contains("its path is not UTF-8"), "{}", error.report());
    }
}

#[test]
fn a_directory_that_you_name_has_a_vault_or_is_one() {
    let (_made, root) = directory();
    let path = vault(&root.join("p"));
    for named in [root.join("p"), path.clone(), root.join("p/../p/.fluvio-secret/")] {
        let chosen = choose(Some(named.as_os_str()), Path::new("/")).expect("a vault");
        assert_eq!(chosen.map(|vault| PathBuf::from(vault.path)), Some(path.clone()));
    }
    fs::create_dir(root.join("p/below")).expect("a directory");
    let error = at(&root.join("p/below")).expect_err("no search upward");
    let report = error.report();
    assert!(report.contains("make one with: fluvio-secret vault init DIR"), "{report}");
    assert!(report.contains(root.join("p/below").to_str().expect("text")), "{report}");
    for missing in [root.join("none"), PathBuf::new(), root.join("p/.fluvio-secret/.vault-id")] {
        let error = at(&missing).expect_err("missing");
        let (is_none, is_no_vault) = (!missing.exists(), missing.exists());
        let text = error.to_string();
        assert_eq!(text.starts_with("cannot open "), is_none, "{error}");
        assert_eq!(text.starts_with("there is no vault in "), is_no_vault, "{error}");
    }
    assert_eq!(choose(Some(OsStr::new("personal")), &root.join("p")).expect("personal"), None);
}

#[test]
fn where_the_search_may_not_look_it_does_not_go_on() {
    if geteuid().is_root() {
        return;
    }
    let (_made, root) = directory();
    let deep = root.join("p/a");
    fs::create_dir_all(&deep).expect("a directory");
    let mode = |mode| fs::set_permissions(&deep, fs::Permissions::from_mode(mode)).expect("a mode");
    mode(0o600);
    let error = refused(&deep);
    mode(0o700);
    assert!(error.to_string().starts_with("cannot open "), "{error}");
}

#[test]
fn a_project_is_the_directory_of_its_vault() {
    assert_eq!(project_of(Path::new("/p/.fluvio-secret")), Path::new("/p"));
    assert_eq!(project_of(Path::new("/shared/vault")), Path::new("/shared/vault"));
    let odd = OsString::from_vec(b"/\xff/.fluvio-secret".to_vec());
    assert_eq!(project_of(Path::new(&odd)).as_os_str().as_bytes(), b"/\xff");
}
