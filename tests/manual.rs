//! The manual pages say what the programs say of themselves.

use std::collections::BTreeSet;

use fluvio_secret_cli::COMMAND_GROUPS;
use fluvio_secret_manual::{Page, pages};

use crate::harness::{Home, said};

/// What a program, or one of its commands, prints for `--help`.
fn help(home: &Home, program: &str, command: &[&str]) -> String {
    let said = said(home.command(program).args(command).arg("--help"));
    assert!(said.status.success(), "{program} {command:?}: {said:?}");
    said.out
}

/// The options that a help lists.
fn options(help: &str) -> BTreeSet<String> {
    // "- bash: bash" is a value that may be given.
    let is_option = |line: &&str| line.starts_with('-') && !line.starts_with("- ");
    let lines = help.lines().map(str::trim).filter(is_option);
    let terms = lines.map(|line| line.split("  ").next().unwrap_or_default());
    terms.flat_map(option_words).collect()
}

/// `-O` and `--output` of `-O, --output <FORMAT>`.
fn option_words(term: &str) -> Vec<String> {
    let words = term.split([',', ' ']).filter(|word| word.starts_with('-'));
    words.map(str::to_owned).collect()
}

/// The commands that a help lists: in groups, or below `Commands:`.
fn commands(help: &str) -> Vec<String> {
    const GROUPS: [&str; 5] = ["Commands", "Connectors", "Daemon and setup", "Keys", "Secrets"];
    let parts = help.split("\n\n").filter_map(|part| part.split_once(":\n"));
    let listed = parts.filter(|(heading, _)| GROUPS.contains(heading));
    let names = listed.flat_map(|(_, lines)| {
        // What is further in belongs to the line above.
        let lines = lines.lines().filter(|line| !line.starts_with("   "));
        lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned))
    });
    // Its page is the whole manual.
    names.filter(|name| name != "help").collect()
}

/// A page as it is read, without fonts, but with its macros.
fn plain(page: &Page) -> String {
    page.source.replace("\\fB", "").replace("\\fI", "").replace("\\fR", "").replace("\\-", "-")
}

/// The options in a part of a page: those with a paragraph of their own.
fn documented(part: &str) -> BTreeSet<String> {
    let terms = part.split(".TP\n").skip(1).filter_map(|paragraph| paragraph.lines().next());
    terms.filter(|term| term.starts_with('-')).flat_map(option_words).collect()
}

/// The part of a page below the heading of a command, with its usage.
fn part<'a>(page: &'a str, command: &str) -> &'a str {
    let headings = [format!(".SS \"{command} "), format!(".SS \"{command}\"")];
    let found = headings.iter().find_map(|heading| page.split_once(heading.as_str()));
    let (_, rest) = found.unwrap_or_else(|| panic!("{command} is not in the manual"));
    rest.split("\n.S").next().unwrap_or(rest)
}

/// The pages of all groups of commands.
fn group_pages() -> String {
    let pages = pages();
    let is_group = |page: &&Page| COMMAND_GROUPS.iter().any(|group| group.page == page.name);
    pages.iter().filter(is_group).map(plain).collect()
}

fn page(name: &str) -> String {
    let pages = pages();
    let page = pages.iter().find(|page| page.name == name && page.section == "1").unwrap();
    plain(page)
}

#[test]
fn each_option_of_a_command_is_in_the_manual_and_the_other_way_round() {
    let (home, program) = (Home::new(), "fluvio-secret");
    let page = group_pages();
    let mut headings = page.lines().filter(|line| line.starts_with(".SS ")).count();
    let mut waiting: Vec<Vec<String>> =
        commands(&help(&home, program, &[])).into_iter().map(|name| vec![name]).collect();
    assert!(waiting.len() > 10, "{waiting:?}");
    while let Some(command) = waiting.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = help(&home, program, &words);
        let below = commands(&help);
        if !below.is_empty() {
            waiting.extend(below.into_iter().map(|name| [&command[..], &[name]].concat()));
            continue;
        }
        let whole = format!("{program} {}", command.join(" "));
        let mut options = options(&help);
        // They are said once, for all commands.
        for global in ["-h", "--help", "--color"] {
            assert!(options.remove(global), "{whole}: {options:?}");
        }
        assert_eq!(documented(part(&page, &whole)), options, "{whole}");
        headings -= 1;
    }
    assert_eq!(headings, 0, "the manual has a command that the help has not");
}

#[test]
fn each_option_of_a_program_is_in_its_manual_and_the_other_way_round() {
    let home = Home::new();
    for program in ["fluvio-secret", "fluvio-secretd", "fluvio-secret-shim"] {
        let page = page(program);
        let (_, rest) = page.split_once(".SH OPTIONS\n").unwrap();
        let section = rest.split("\n.SH").next().unwrap();
        let options = options(&help(&home, program, &[]));
        assert!(options.contains("--help") && options.contains("-V"), "{program}: {options:?}");
        assert_eq!(documented(section), options, "{program}");
    }
}

#[test]
fn each_setting_is_in_the_manual_with_what_holds_by_default() {
    let home = Home::new();
    let printed = said(home.command("fluvio-secretd").arg("--settings"));
    let settings: Vec<_> = printed.out.lines().collect();
    assert!(settings.len() > 3, "{printed:?}");
    let pages = pages();
    let page = plain(pages.iter().find(|page| page.section == "5").unwrap());
    let (_, rest) = page.split_once(".SH SETTINGS\n").unwrap();
    let section = rest.split("\n.SH").next().unwrap();
    let terms = section.split(".TP\n").skip(1).filter_map(|paragraph| paragraph.lines().next());
    assert_eq!(terms.collect::<Vec<_>>(), settings);
}

#[test]
fn each_place_is_in_the_manual() {
    let home = Home::new();
    home.ok(&["set", "A", "x"]);
    home.ok(&["set", "A", "y"]);
    let pages = pages();
    let page = plain(pages.iter().find(|page| page.section == "5").unwrap());
    for (folder, place) in [
        ("config", "~/.config/fluvio-secret"),
        ("data", "~/.local/share/fluvio-secret"),
        ("state", "~/.local/state/fluvio-secret"),
    ] {
        for entry in std::fs::read_dir(home.path(folder)).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            // The daemon's log, and the second of each log, have a line with the first.
            let told = format!("{place}/{name}");
            assert!(page.contains(&told), "{told} is not in fluvio-secret(5)");
        }
    }
}
