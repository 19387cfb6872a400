//! The manual pages: one for each program, one for each group of commands, and one for the places. And the page of
//! all commands in the guide.
//!
//! # Layout
//!
//! * [`command_line`]: the definition of the command line, as a page
//! * [`text`]: texts in the form of our helps, as a page: those of the daemon and the launcher, and what
//!   `text/` adds to each page
//! * [`words`]: the fonts of a line
//!
//! The pages have no date, so that the same sources give the same bytes.

mod command_line;
mod text;
mod words;

use clap_markdown::MarkdownOptions;
use fluvio_secret_cli::COMMAND_GROUPS;
use roff::{Roff, bold, roman};

/// A manual page.
#[derive(Debug)]
pub struct Page {
    /// What it is called.
    pub name: String,
    /// The section of the manual that it is in.
    pub section: &'static str,
    /// Its source, for man(1).
    pub source: String,
    /// Other names of the same page.
    pub aliases: Vec<String>,
}

impl Page {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.file_of(&self.name)
    }

    /// The name of the file of an alias.
    #[must_use]
    pub fn file_of(&self, alias: &str) -> String {
        format!("{alias}.{}", self.section)
    }
}

/// All pages. Each command is another name of the page of its group: `man fluvio-secret set` finds it.
#[must_use]
pub fn pages() -> Vec<Page> {
    let cli = "fluvio-secret";
    let mut definition = fluvio_secret_cli::command_line();
    // Names of commands are whole, and every one has its help, only after this.
    definition.build();
    let mut pages = vec![
        page(cli, "1", "secrets for Fluvio connectors on this machine", |roff| {
            command_line::write(roff, &definition);
            text::write(roff, include_str!("../text/fluvio-secret.txt"));
        }),
        page("fluvio-secretd", "1", "keeps the secrets of fluvio-secret", |roff| {
            text::write(roff, fluvio_secret_daemon::DAEMON_HELP);
            text::write(roff, include_str!("../text/fluvio-secretd.txt"));
        }),
        page("fluvio-secret-shim", "1", "starts a connector with its secrets", |roff| {
            text::write(roff, fluvio_secret_launch::SHIM_HELP);
            text::write(roff, include_str!("../text/fluvio-secret-shim.txt"));
        }),
        page(cli, "5", "where fluvio-secret keeps things, and its settings", |roff| {
            text::write(roff, include_str!("../text/places.txt"));
        }),
    ];
    for group in &COMMAND_GROUPS {
        let mut page = page(group.page, "1", group.about, |roff| {
            command_line::write_group(roff, &definition, group);
        });
        page.aliases = group.commands.iter().map(|command| format!("{cli}-{command}")).collect();
        pages.push(page);
    }
    pages
}

/// The page of all commands in the guide: Markdown.
#[must_use]
pub fn commands() -> String {
    let options = MarkdownOptions::new().title("Commands".to_owned()).show_footer(false);
    clap_markdown::help_markdown_command_custom(&fluvio_secret_cli::command_line(), &options)
}

fn page(
    name: &'static str,
    section: &'static str,
    about: &str,
    write: impl FnOnce(&mut Roff),
) -> Page {
    let release = concat!("fluvio-secret ", env!("CARGO_PKG_VERSION"));
    let mut roff = Roff::new();
    roff.control("TH", [name, section, "\"\"", release]);
    roff.control("SH", ["NAME"]);
    roff.text([bold(name), roman(" - "), roman(about)]);
    write(&mut roff);
    // Not every terminal has the sign.
    let aliases = Vec::new();
    Page {
        name: name.to_owned(),
        section,
        aliases,
        source: roff.render().replace(['\u{2026}'], "..."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fluvio_secret_cli::COMMAND_GROUPS;

    use super::{Page, pages};

    fn sections(page: &Page) -> Vec<&str> {
        page.source.lines().filter_map(|line| line.strip_prefix(".SH ")).collect()
    }

    #[test]
    fn every_page_has_its_sections() {
        for page in &pages() {
            let sections = sections(page);
            assert_eq!(sections[0], "NAME", "{}", page.file_name());
            assert_eq!(sections.last(), Some(&"\"SEE ALSO\""), "{}", page.file_name());
            if COMMAND_GROUPS.iter().any(|group| group.page == page.name) {
                assert_eq!(sections[1..3], ["SYNOPSIS", "COMMANDS"], "{}", page.file_name());
            } else if page.section == "1" {
                for wanted in ["SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\""] {
                    assert!(sections.contains(&wanted), "{}: {sections:?}", page.file_name());
                }
            }
            let mut once = sections.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), sections.len(), "{}: {sections:?}", page.file_name());
        }
    }

    #[test]
    fn each_command_is_a_name_of_one_page() {
        let pages = pages();
        let mut names: Vec<_> = pages.iter().map(Page::file_name).collect();
        let aliases =
            |page: &Page| page.aliases.iter().map(|alias| page.file_of(alias)).collect::<Vec<_>>();
        names.extend(pages.iter().flat_map(aliases));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        for command in COMMAND_GROUPS.iter().flat_map(|group| group.commands) {
            assert!(names.contains(&format!("fluvio-secret-{command}.1")), "{command}");
        }
    }
}
