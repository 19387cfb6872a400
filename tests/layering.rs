//! What docs/ARCHITECTURE.md says is absent, is absent.

mod circles;
mod names;
mod owners;
mod promises;
mod sizes;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use object::{Object, ObjectSymbol};

use crate::harness::product::source_files;
use crate::harness::sources::root;
use crate::harness::{need, program};

fn cargo_tree(package: &str, format: &str) -> Vec<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .args(["--target", "x86_64-unknown-linux-gnu", "--format", format])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Paths of this machine, and the marks of what was listed before.
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)"));
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The first word, which is the crate's name.
fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn the_shim_has_the_crates_on_its_list_and_no_other() {
    if !need::sources() {
        return;
    }
    // A crate in two versions is two crates.
    let version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let shim = cargo_tree("fluvio-secret-launch", "{p}");
    let crates: BTreeSet<_> = shim.iter().map(|line| version(line)).collect();
    // With the features that they have in the whole build: looked at alone, the shim seems lighter.
    let built: BTreeSet<_> = cargo_tree("fluvio-secret", "{p} {f}")
        .into_iter()
        .filter(|line| crates.contains(&version(line)))
        .map(|line| {
            let (package, features) = line.rsplit_once(' ').unwrap_or((&line, ""));
            let package = package.split(" v").next().unwrap_or(package);
            format!("{package} {features}").trim_end().to_owned()
        })
        .collect();
    let list = fs::read_to_string(root().join("tests/shim-crates.txt")).unwrap();
    let listed: BTreeSet<_> =
        list.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert_eq!(built, listed, "tests/shim-crates.txt says why each is there");
}

#[test]
fn no_program_has_the_doors_for_fuzz_targets() {
    if !need::sources() {
        return;
    }
    let tree = cargo_tree("fluvio-secret", "{p} features:{f}");
    for package in ["fluvio-secret-cli", "fluvio-secret-daemon"] {
        let built = tree.iter().find(|line| name(line) == package).unwrap();
        assert!(built.ends_with("features:"), "it has none: {built}");
    }
    // Nor does a development dependency or a task enable it: a package that mentions it has it.
    let mentions = |folder: &str| {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let lines = manifest.lines().filter(|line| !line.starts_with('#'));
        lines.filter(|line| line.contains("fuzzing")).map(str::to_owned).collect::<Vec<_>>()
    };
    for folder in [".", "protocol", "shim", "examples/connector", "xtask"] {
        assert!(mentions(folder).is_empty(), "{folder}/Cargo.toml");
    }
    for folder in ["cli", "daemon"] {
        let expected = ["fuzzing = []"];
        assert_eq!(mentions(folder), expected, "neither a default nor another feature brings it");
    }
}

/// The names of a program's symbols.
fn symbols(program: &Path) -> Vec<String> {
    let bytes = fs::read(program).unwrap();
    let file = object::File::parse(&bytes[..]).unwrap();
    file.symbols().filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect()
}

/// Whether a mangled symbol belongs to a crate: names are mangled behind their lengths.
fn has_crate(symbols: &[String], name: &str) -> bool {
    let mangled = format!("{}{name}", name.len());
    symbols.iter().any(|symbol| {
        symbol
            .match_indices(&mangled)
            .any(|(at, _)| !symbol[..at].ends_with(|c: char| c.is_ascii_digit()))
    })
}

#[test]
fn the_shim_has_no_symbol_of_what_is_not_for_it() {
    let foreign = ["tokio", "age", "clap_builder", "serde_yaml", "notify"];
    let shim = symbols(&program("fluvio-secret-shim"));
    for name in foreign {
        assert!(!has_crate(&shim, name), "{name}");
    }
    assert!(has_crate(&shim, "lexopt"), "the programs that are looked at have symbols");
    let daemon = symbols(&program("fluvio-secretd"));
    for name in ["tokio", "age", "serde_yaml"] {
        assert!(has_crate(&daemon, name), "{name} would be seen");
    }
    assert!(has_crate(&symbols(&program("fluvio-secret")), "clap_builder"), "it would be seen");
}

/// The path of each file of the product, and its code.
fn shipped() -> Vec<(String, String)> {
    source_files().iter().map(|file| (file.path.clone(), file.code())).collect()
}

/// Whether a text uses a crate: its name as a path's first part.
fn uses(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
        || code.contains(&format!("use {name}"))
}

#[test]
fn each_dependency_has_one_home() {
    if !need::sources() {
        return;
    }
    let homes = [
        ("age", "vault/src/keys/encryption.rs"),
        ("age", "vault/src/keys/identity.rs"),
        ("age_core", "vault/src/keys/identity.rs"),
        ("anstream", "cli/src/style.rs"),
        ("anstyle", "cli/src/style.rs"),
        ("base64", "cli/src/sync/line.rs"),
        ("base64", "mask/src/forms.rs"),
        ("base64", "vault/src/keys/identity.rs"),
        ("bytesize", "config/src/schema/fields.rs"),
        ("clap", "cli/src/argument.rs"),
        ("clap", "cli/src/command_line.rs"),
        ("clap", "cli/src/commands/"),
        ("clap", "cli/src/usage_error.rs"),
        ("clap", "cli/src/help.rs"),
        ("clap", "cli/src/format.rs"),
        ("clap", "cli/src/passphrase.rs"),
        ("clap", "cli/src/secrets_file/mod.rs"),
        ("clap", "cli/src/vault_choice.rs"),
        ("clap", "cli/src/watch/args.rs"),
        ("clap_complete", "cli/src/argument.rs"),
        ("clap_complete", "cli/src/command_line.rs"),
        ("clap_complete", "cli/src/commands/completions.rs"),
        ("close_fds", "cli/src/sync/process.rs"),
        ("close_fds", "daemon/src/launch.rs"),
        ("colorchoice_clap", "cli/src/command_line.rs"),
        ("comfy_table", "cli/src/format.rs"),
        ("curve25519_dalek", "vault/src/keys/agreement.rs"),
        ("ed25519_dalek", "vault/src/members/signing_key.rs"),
        ("humantime", "config/src/schema/fields.rs"),
        ("ignore", "cli/src/watch/content.rs"),
        ("lexopt", "/src/args.rs"),
        ("lru", "vault/src/keys/file_keys.rs"),
        // A crate for one thing in each of several files has as many rows.
        ("nix", "system/src/entry_point.rs"),
        ("nix", "system/src/inherited.rs"),
        ("nix", "system/src/peer.rs"),
        ("nix", "cli/src/mask/passed_signals.rs"),
        ("nix", "shim/src/cdk/watcher.rs"),
        ("notify", "cli/src/watch/files.rs"),
        ("notify", "daemon/src/vault_watcher.rs"),
        ("region", "vault/src/keys/locked_memory.rs"),
        ("saphyr_parser", "cli/src/secrets_file/yaml.rs"),
        ("saphyr_parser", "config/src/source_map.rs"),
        ("sha2", "vault/src/keys/file_keys.rs"),
        ("sha2", "vault/src/members/content_hash.rs"),
        ("sd_listen_fds", "daemon/src/activation.rs"),
        ("serde_yaml", "config/src/"),
        ("signal_hook", "cli/src/signals.rs"),
        ("signal_hook", "daemon/src/reset_inherited.rs"),
        ("strsim", "cli/src/config_file.rs"),
        ("strsim", "daemon/src/settings.rs"),
        ("strsim", "vault/src/secrets/names.rs"),
        ("toml", "daemon/src/settings.rs"),
        ("tracing_subscriber", "daemon/src/log.rs"),
        ("yaml_serde", "cli/src/format.rs"),
        ("zeroizing_alloc", "bin/"),
    ];
    let shipped = shipped();
    for (name, home) in homes {
        let users: Vec<_> =
            shipped.iter().filter(|(_, code)| uses(code, name)).map(|(path, _)| path).collect();
        assert!(!users.is_empty(), "{name} is used");
        for user in users {
            let is_home = homes.iter().any(|&(of, home)| of == name && user.contains(home));
            assert!(is_home, "{name} is used in {user}, not only in {home}");
        }
    }
}

#[test]
fn each_crate_knows_those_below_it_and_no_other() {
    if !need::sources() {
        return;
    }
    let known = |package: &str| -> BTreeSet<String> {
        let tree = cargo_tree(package, "{p}");
        let ours = tree.iter().map(|line| name(line)).filter(|name| *name != package);
        let ours = ours.filter_map(|name| name.strip_prefix("fluvio-secret-"));
        ours.map(str::to_owned).collect()
    };
    let expected: [(&str, &[&str]); 8] = [
        ("system", &[]),
        ("protocol", &["system"]),
        ("config", &["protocol", "system"]),
        ("vault", &["protocol", "system"]),
        ("daemon", &["config", "protocol", "system", "vault"]),
        ("mask", &[]),
        ("cli", &["config", "launch", "mask", "protocol", "system"]),
        ("launch", &["protocol", "system"]),
    ];
    for (package, below) in expected {
        let below: BTreeSet<_> = below.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(known(&format!("fluvio-secret-{package}")), below, "{package}");
    }
}

#[test]
fn the_vault_is_a_blocking_library_without_sockets() {
    if !need::sources() {
        return;
    }
    for (path, code) in shipped().into_iter().filter(|(path, _)| path.starts_with("vault/")) {
        // A document: the request of a machine to join.
        let code = code.replace("SyncDocumentKey::Request", "");
        for word in ["async ", "tokio", "UnixStream", "Request", "Response"] {
            assert!(!code.contains(word), "{path}: {word}");
        }
    }
}

#[test]
fn few_files_are_asynchronous_and_none_prints_by_a_macro() {
    if !need::sources() {
        return;
    }
    for (path, code) in shipped() {
        let may_be_async = [
            "daemon/src/client_stream.rs",
            "daemon/src/connection.rs",
            "daemon/src/lease_watch.rs",
            "daemon/src/in_flight.rs",
            "daemon/src/in_place.rs",
            "daemon/src/server.rs",
        ];
        assert!(may_be_async.contains(&path.as_str()) || !code.contains("async "), "{path}");
        let words = |word: &str| has_word(&code, word);
        assert!(!words("println") && !words("eprintln"), "{path}: a closed pipe would panic");
    }
}

/// Whether a text has a word of Rust.
fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[test]
fn two_places_in_one_file_are_unsafe() {
    if !need::sources() {
        return;
    }
    let expected =
        ["#[unsafe(no_mangle)]", "unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }"];
    for (path, mut code) in shipped() {
        if path == "system/src/entry_point.rs" {
            for place in expected {
                assert_eq!(code.matches(place).count(), 1, "{path}: {place}");
                code = code.replace(place, "");
            }
        }
        assert!(!has_word(&code, "unsafe") && !code.contains("allow(unsafe"), "{path}");
    }
}

#[test]
fn values_are_exposed_where_they_must_be() {
    if !need::sources() {
        return;
    }
    let exposed: BTreeSet<_> = shipped()
        .into_iter()
        .filter(|(_, code)| code.contains(".expose()") || code.contains("Secret::expose"))
        .map(|(path, _)| path)
        .collect();
    let expected = [
        "cli/src/commands/secret/set.rs",
        "cli/src/commands/key/use_identity.rs",
        "cli/src/mask/delivered_values.rs",
        "cli/src/passphrase.rs",
        "config/src/check/values.rs",
        "daemon/src/service/key.rs",
        "vault/src/secret_reader.rs",
        "vault/src/revisions/signed_record.rs",
        "vault/src/revisions/verifier.rs",
        "vault/src/secrets/record.rs",
        "protocol/src/fit.rs",
        "protocol/src/parts.rs",
        "shim/src/command.rs",
    ];
    assert_eq!(exposed, expected.map(str::to_owned).into());
}
