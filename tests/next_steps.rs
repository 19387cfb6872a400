//! Each command that a message names as the next step is one that the command line understands.

use std::collections::BTreeMap;

use clap::error::ErrorKind;
use syn::visit::{self, Visit};

use crate::harness::need;
use crate::harness::product::source_files;

/// The fingerprint of a member.
const FINGERPRINT: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// What stands for a value in a message, and a value. `{}` stands for those that are formatted in.
const VALUES: [(&str, &str); 10] = [
    ("AGE1…", "age1x"),
    ("COMMAND", "true"),
    ("DURATION", "8h"),
    ("FILE", "file"),
    ("FINGERPRINT", FINGERPRINT),
    ("ID", "0123456789ab"),
    ("N", "1"),
    ("NAME", "A"),
    ("SHELL", "bash"),
    ("VALUE", "x"),
];

/// The string literals of a file, without those of its tests.
#[derive(Default)]
struct Literals(Vec<String>);

impl<'ast> Visit<'ast> for Literals {
    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push(literal.value());
    }

    fn visit_macro(&mut self, macro_call: &'ast syn::Macro) {
        self.tokens(macro_call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }
}

impl Literals {
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Group(group) => self.tokens(group.stream()),
                proc_macro2::TokenTree::Literal(literal) => {
                    self.0.extend(
                        syn::parse_str::<syn::LitStr>(&literal.to_string())
                            .map(|text| text.value()),
                    );
                }
                _ => {}
            }
        }
    }
}

/// The command lines of ours in a text: after a colon, in backticks, or alone on a line.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, name) in text.match_indices("fluvio-secret ") {
        let before = text[..at].trim_end_matches(' ');
        if before.is_empty() || before.ends_with([':', '`', '\n', '|', '$']) {
            let rest = &text[at + name.len()..];
            let end = rest.find(['`', '\n', '|', ';', ')']).unwrap_or(rest.len());
            let end = rest[..end].find(". ").map_or(end, |stop| stop.min(end));
            // A command that is formatted in is another literal.
            if rest.starts_with("{command}") || rest.starts_with("key {command}") {
                continue;
            }
            found.push(rest[..end].trim().trim_end_matches(['.', ',', ':']).to_owned());
        }
    }
    found
}

/// A command line with values in place of the words for them.
fn words(command: &str) -> Vec<String> {
    let command = command.split(['<', '>']).next().unwrap_or_default();
    let quoted = command.split('"').enumerate();
    let joined =
        quoted.map(|(at, part)| if at % 2 == 1 { "quoted".to_owned() } else { part.to_owned() });
    let value = |word: &str| {
        let word = match word.contains('{') {
            true if word.starts_with("{fingerprint}") => FINGERPRINT,
            true => "A",
            false => word,
        };
        let word = word.trim_matches('\'').trim_end_matches('…');
        VALUES.iter().find(|(name, _)| *name == word).map_or(word, |(_, value)| value).to_owned()
    };
    joined.collect::<String>().split_whitespace().map(value).collect()
}

/// No faults: it prints a help, or more is formatted in after it.
const FINE: [ErrorKind; 2] = [ErrorKind::DisplayHelp, ErrorKind::MissingRequiredArgument];

/// Why the command line does not take this command.
fn fault(command: &str) -> Option<String> {
    let line = std::iter::once("fluvio-secret".to_owned()).chain(words(command));
    match fluvio_secret_cli::command_line().try_get_matches_from(line) {
        Err(error) if !FINE.contains(&error.kind()) => {
            Some(error.to_string().lines().next().unwrap_or_default().to_owned())
        }
        _ => None,
    }
}

#[test]
fn each_next_step_that_is_printed_is_a_command() {
    if !need::sources() {
        return;
    }
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in source_files() {
        let mut literals = Literals::default();
        literals.visit_file(&file.syntax);
        for command in literals.0.iter().flat_map(|text| commands(text)) {
            places.entry(command).or_default().push(file.path.clone());
        }
    }
    assert!(places.len() > 50, "{places:#?}");
    let faults: Vec<_> = places
        .iter()
        .filter_map(|(command, places)| {
            Some(format!("{command:?} in {places:?}: {}", fault(command)?))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_command_is_found_where_it_is_a_next_step() {
    let text = "set it with: fluvio-secret set NAME\nthe fluvio-secret daemon; `fluvio-secret lock`. \
                Try: fluvio-secret key use FILE; or wait";
    assert_eq!(commands(text), ["set NAME", "lock", "key use FILE"]);
    assert!(fault("set {name}").is_none());
    assert!(fault("sett NAME").is_some() && fault("list --nope").is_some());
}
