//! Follows the help of each finding to the letter, and checks the result again.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use fluvio_secret_protocol::check::{Finding, Severity};
use fluvio_secret_protocol::{Secret, SecretName};

use crate::check::{KnownSecret, Values};
use crate::document::Document;

/// A file, and the values that its secrets have.
struct Case {
    text: String,
    values: RefCell<HashMap<String, String>>,
}

impl Case {
    fn new(text: &str) -> Self {
        let values =
            [("S", "v"), ("T", "v"), ("NAME", "v"), ("NUMBER", "1234"), ("LINES", "two\nlines")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { text: text.to_owned(), values: RefCell::new(values.into()) }
    }

    fn findings(&self) -> Vec<Finding> {
        let known = |name: &SecretName| match self.values.borrow().get(name.as_str()) {
            Some(value) if value == "damaged" => KnownSecret::Damaged("it is cut off".to_owned()),
            Some(value) => KnownSecret::Value(Secret::from(value.clone().into_bytes())),
            None => KnownSecret::Missing(None),
        };
        Document::read(self.text.as_bytes()).check(Values::Of(&known)).findings
    }

    /// Follows a help, from the last finding to the first so that the places stay true.
    fn follow(&mut self, finding: &Finding) {
        let help = finding.remedy.as_str();
        let edit = Edit::at(&self.text, finding);
        if let Some(name) = help.split("fluvio-secret set ").nth(1).filter(|name| *name != "NAME") {
            self.values.borrow_mut().insert(name.to_owned(), "v".to_owned());
            return;
        }
        self.text = edit.follow(help);
    }
}

/// A text, and the place in it that a finding is about.
struct Edit<'a> {
    lines: Vec<&'a str>,
    line: usize,
    column: usize,
    length: usize,
}

impl<'a> Edit<'a> {
    fn at(text: &'a str, finding: &Finding) -> Self {
        let lines = text.lines().collect();
        Self { lines, line: finding.line - 1, column: finding.column - 1, length: finding.length }
    }

    fn follow(&self, help: &str) -> String {
        let quoted: Vec<_> = help.split('`').skip(1).step_by(2).collect();
        let first = quoted.first().copied().unwrap_or_default();
        let last = quoted.last().copied().unwrap_or_default();
        match help {
            _ if help.starts_with("add a line above this one: ") => self.insert(self.line, first),
            _ if help.starts_with("add a line below this one: ") => {
                self.insert(self.line + 1, first)
            }
            _ if help.starts_with("begin this item with `- ") => {
                let (before, rest) = self.lines[self.line].split_once("- ").expect("a dash");
                let text = self.with_line(&format!("{before}{first}"));
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                lines.insert(self.line + 1, format!("{before}  {rest}"));
                lines.join("\n")
            }
            _ if help.starts_with("add after this `{`: ") => {
                let mut lines = self.owned();
                lines[self.line].insert_str(self.column + 1, last);
                lines.join("\n")
            }
            _ if help.starts_with("write a value on this line: ") => {
                let mut lines = self.owned();
                lines[self.line] = first.to_owned();
                lines.join("\n")
            }
            _ if help.starts_with("put it in double quotes") => self.requote('"'),
            _ if help.starts_with("put it in single quotes") => self.requote('\''),
            _ if help.starts_with("write `\"${{") => {
                let text = self.in_place_of_map(first);
                declared(&text, quoted[1])
            }
            _ if help.starts_with("for the secret, write ") => {
                declared(&self.put(first), quoted[1])
            }
            _ if help.contains("in its place") => self.put(last),
            _ if help.starts_with("write the value itself, like") => self.put(first),
            _ if help.starts_with("write `secret: {name: ") => self.put(&format!("{{{first}}}")),
            _ if help.starts_with("write `${{") => self.put(first),
            _ if help.starts_with("write each secret as") => {
                let end = self.block_end(self.line);
                let key = self.lines[..=self.line].iter().rposition(|l| l.contains("secrets:"));
                let key = key.expect("the list's key");
                let indent = " ".repeat(indent(self.lines[key]) + 2);
                let mut lines: Vec<_> = self.owned().drain(..key).collect();
                lines.push(
                    self.lines[key].split("secrets:").next().unwrap_or_default().to_owned()
                        + "secrets:",
                );
                lines.push(format!("{indent}{first}"));
                lines.extend(self.lines[end.max(key + 1)..].iter().map(|l| (*l).to_owned()));
                lines.join("\n")
            }
            _ if help.starts_with("add `- name: ") => declared(&self.text(), first),
            _ if help.starts_with("remove it from `meta.secrets`")
                || help.starts_with("remove this line `---` and everything") =>
            {
                let end = if help.contains("---") { self.lines.len() } else { self.line + 1 };
                self.without(self.line..end)
            }
            _ if help.contains("remove this key with everything below it") => {
                self.without(self.line..self.block_end(self.line))
            }
            _ if help.starts_with("indent line") => self.indent(help),
            _ if help.starts_with("replace each tab at the start of a line with ") => {
                let width = number(help);
                let fixed = self.lines.iter().map(|line| {
                    let rest = line.trim_start_matches([' ', '\t']);
                    let start = &line[..line.len() - rest.len()];
                    start.replace('\t', &" ".repeat(width)) + rest
                });
                fixed.collect::<Vec<_>>().join("\n")
            }
            _ if help.starts_with("replace the dash at the start of each line below `meta:`") => {
                let end = self.block_end(self.line.saturating_sub(1)).max(self.line + 1);
                let mut lines = self.owned();
                for line in &mut lines[self.line..end] {
                    *line =
                        line.replacen('-', " ", usize::from(line.trim_start().starts_with('-')));
                }
                lines.join("\n")
            }
            _ if help.contains("move these keys") => self.move_keys(help),
            _ if help.starts_with("replace it with a map") => last.to_owned(),
            _ if help.starts_with("put the whole string in quotes") => {
                let (key, value) = self.lines[self.line].split_once(": ").expect("a key");
                self.with_line(&format!("{key}: '{value}'"))
            }
            _ if help.starts_with("close it where the string ends") => {
                self.with_line(&format!("{}\"", self.lines[self.line]))
            }
            _ if help.starts_with("use single quotes") => {
                self.with_line(&self.lines[self.line].replace('"', "'"))
            }
            _ if help.starts_with("use only letters, digits and _") => self.put("S"),
            _ if help.starts_with("close it with `}}`") => {
                self.with_line(&format!("{} }}}}\"", self.lines[self.line].trim_end_matches('"')))
            }
            _ => panic!("a help that the test does not know: {help}"),
        }
    }

    fn text(&self) -> String {
        self.lines.join("\n")
    }

    fn owned(&self) -> Vec<String> {
        self.lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn with_line(&self, line: &str) -> String {
        let mut lines = self.owned();
        lines[self.line] = line.to_owned();
        lines.join("\n")
    }

    fn insert(&self, at: usize, line: &str) -> String {
        let mut lines = self.owned();
        lines.insert(at, line.to_owned());
        lines.join("\n")
    }

    fn without(&self, lines: std::ops::Range<usize>) -> String {
        let mut kept = self.owned();
        kept.drain(lines);
        kept.join("\n")
    }

    /// The line after a key's values.
    fn block_end(&self, line: usize) -> usize {
        let own = indent(self.lines[line]);
        let rest = &self.lines[line + 1..];
        let end = rest.iter().position(|next| !next.trim().is_empty() && indent(next) <= own);
        end.map_or(self.lines.len(), |length| line + 1 + length)
    }

    /// Puts something in the place of the value.
    fn put(&self, value: &str) -> String {
        let line: Vec<_> = self.lines[self.line].chars().collect();
        let (before, rest) = line.split_at(self.column);
        let is_block = self.length == 0
            || self.length == 1 && !rest.is_empty() && indent(self.lines[self.line]) == self.column;
        let after: String = match is_block {
            true => String::new(),
            false if matches!(rest.first(), Some('[' | '{')) => {
                let rest: String = rest.iter().collect();
                let end = rest.rfind([']', '}']).expect("a bracket");
                rest[end + 1..].to_owned()
            }
            false => rest[self.length..].iter().collect(),
        };
        let before: String = before.iter().collect();
        let mut lines = self.owned();
        let mut end = self.line + 1;
        // All lines of a value that is a map or a list go.
        while is_block && end < lines.len() && indent(&lines[end]) >= self.column {
            end += 1;
        }
        lines.splice(self.line..end, [format!("{before}{value}{after}")]);
        lines.join("\n")
    }

    fn requote(&self, quote: char) -> String {
        let line: Vec<_> = self.lines[self.line].chars().collect();
        let (mut from, mut to) = (self.column, self.column + self.length);
        if from > 0
            && to < line.len()
            && matches!(line[from - 1], '"' | '\'')
            && line[to] == line[from - 1]
        {
            (from, to) = (from - 1, to + 1);
        }
        let text = |chars: &[char]| chars.iter().collect::<String>();
        let inside = text(&line[from..to]);
        let inside = inside.trim_matches(['"', '\'']);
        self.with_line(&format!(
            "{}{quote}{inside}{quote}{}",
            text(&line[..from]),
            text(&line[to..])
        ))
    }

    /// Puts a text in the place of the map with the key of the finding.
    fn in_place_of_map(&self, value: &str) -> String {
        let line = self.lines[self.line];
        if let Some(from) = line.find("{secret:") {
            let to = from + line[from..].find("}}").expect("a flow map") + 2;
            return self.with_line(&format!("{}{value}{}", &line[..from], &line[to..]));
        }
        let mut lines = self.owned();
        let end = self.block_end(self.line);
        let start = if line.trim_start().starts_with("- ") { self.line } else { self.line - 1 };
        let head = match start == self.line {
            true => line.split("secret:").next().unwrap_or_default().to_owned(),
            false => format!("{} ", lines[start]),
        };
        lines.splice(start..end, [format!("{head}{value}")]);
        lines.join("\n")
    }

    fn indent(&self, help: &str) -> String {
        let numbers: Vec<usize> =
            help.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        let mut lines = self.owned();
        let (from, to, spaces) = match numbers[..] {
            [line, spaces] => (line, line, spaces),
            [from, to, spaces] => (from, to, spaces),
            _ => panic!("{help}"),
        };
        for line in &mut lines[from - 1..to] {
            let own = indent(line);
            let width = match (help.ends_with("more"), help.ends_with("less")) {
                (true, _) => own + spaces,
                (_, true) => own - spaces,
                _ => spaces,
            };
            *line = " ".repeat(width) + line.trim_start();
        }
        lines.join("\n")
    }

    fn move_keys(&self, help: &str) -> String {
        let (keys, added) = help.split_once(", then add").unwrap_or((help, ""));
        let quoted = |text: &str| -> Vec<String> {
            text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let listed = quoted(keys.rsplit_once(": ").expect("keys").1);
        let added = quoted(added);
        if help.contains("into a map") {
            let mut map: serde_json::Map<_, _> = serde_json::from_str(&self.text()).expect("JSON");
            let mut meta = serde_json::Map::new();
            for key in listed {
                meta.insert(key.clone(), map.remove(&key).expect("the key"));
            }
            for line in added {
                let (key, value) = line.split_once(": ").expect("a key");
                meta.insert(key.to_owned(), value.into());
            }
            map.insert("meta".to_owned(), meta.into());
            return serde_json::to_string(&map).expect("JSON");
        }
        let (mut kept, mut moved, mut at) = (Vec::new(), Vec::new(), None);
        let mut is_moved = false;
        for (number, line) in self.lines.iter().enumerate() {
            if number == self.line {
                at = Some(kept.len());
            }
            if !line.starts_with([' ', '-', '#']) && !line.is_empty() {
                let key = line.split(':').next().unwrap_or_default();
                is_moved = listed.iter().any(|one| one == key);
            }
            if is_moved { moved.push(format!("  {line}")) } else { kept.push((*line).to_owned()) }
        }
        moved.extend(added.iter().map(|line| format!("  {line}")));
        let at = match help.contains("add a line `meta:`") {
            true => {
                let at = at.expect("the finding's line");
                kept.insert(at, "meta:".to_owned());
                at
            }
            false => kept.iter().position(|line| line.trim_end() == "meta:").expect("the line"),
        };
        kept.splice(at + 1..at + 1, moved);
        kept.join("\n")
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn number(text: &str) -> usize {
    let digits = text.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
    digits.and_then(|digits| digits.parse().ok()).expect("a number")
}

/// Adds an item to the list `secrets:` below `meta:`, and the list itself if it is missing.
fn declared(text: &str, item: &str) -> String {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let list = lines.iter().position(|line| line.trim() == "secrets:");
    let at = list.unwrap_or_else(|| {
        let meta = lines.iter().position(|line| line.trim() == "meta:").expect("a key");
        lines.insert(meta + 1, "  secrets:".to_owned());
        meta + 1
    });
    lines.insert(at + 1, format!("    {item}"));
    lines.join("\n")
}

/// A configuration that Fluvio reads, with this below its head.
fn config(rest: &str) -> String {
    format!(
        "apiVersion: 0.1.0\nmeta:\n  version: 0.1.0\n  name: facts\n  type: http-source\n  topic: facts\n  secrets:\n    - name: S\nhttp:\n  s: {{secret: {{name: S}}}}\n{rest}"
    )
}

fn without(line: &str) -> String {
    let text = config("");
    assert!(text.contains(line), "{line}");
    text.replace(line, "")
}

/// Files that have a fault each, the code of its finding, and the line where it is fixed.
fn cases() -> Vec<(&'static str, usize, String)> {
    let flat = "version: 0.3.0\nname: facts\ntype: http-source\ntopic: facts\n";
    let transform = |with: &str| config(&format!("transforms:\n  - uses: u\n    with:\n{with}"));
    vec![
        // The format from before 2023.
        ("not-below-meta", 1, format!("{flat}parameters:\n  endpoint: x\n")),
        ("not-below-meta", 1, flat.replace("version: 0.3.0\n", "")),
        ("not-below-meta", 1, format!("{flat}secrets:\n  A: x\nproducer:\n  linger: 1ms\nconsumer:\n  partition: 1\n")),
        ("misplaced-secrets", 5, format!("{flat}secrets:\n  A: x\n")),
        ("not-below-meta", 3, format!("# old\napiVersion: 0.1.0\n{flat}parameters:\n  a: b\n")),
        ("not-below-meta", 2, "http:\n  a: b\ntopic: t\nparameters:\n  - a\nname: c\n".replace("http:\n  a: b\n", "---\n")),
        ("not-below-meta", 3, format!("apiVersion: 0.1.0\nmeta:\n{flat}http:\n  a: b\n")),
        ("not-below-meta", 1, "{\"name\": \"c\", \"type\": \"t\", \"topic\": \"t\", \"http\": {}}".to_owned()),
        ("bad-config", 7, format!("{flat}producer:\n  linger: 1ms\n  batch-size: 4x\n")),
        // Something is missing.
        ("bad-config", 2, without("  version: 0.1.0\n")),
        ("bad-config", 2, without("  name: facts\n")),
        ("bad-config", 2, without("  type: http-source\n")),
        ("bad-config", 2, without("  topic: facts\n")),
        ("bad-config", 1, "meta:\n  secrets: []\n".to_owned()),
        ("bad-config", 1, "meta: {name: c}\nhttp: {}\n".to_owned()),
        ("bad-config", 1, "{\"meta\": {\"name\": \"c\", \"topic\": \"t\", \"version\": \"1\"}}".to_owned()),
        ("bad-config", 2, "{\"meta\":\n {\"name\": \"c\", \"topic\": \"t\", \"version\": \"1\"}}".to_owned()),
        ("bad-config", 1, "{\"http\": {}}".to_owned()),
        ("bad-config", 2, "# c\nhttp:\n  a: b\n".to_owned()),
        ("bad-config", 2, "---\nhttp:\n  a: b\n".to_owned()),
        ("bad-config", 1, String::new()),
        ("bad-config", 1, "- a\n- b\n".to_owned()),
        ("bad-config", 1, "A=b\n".to_owned()),
        ("bad-config", 4, "meta:\n    name: c\n    type: t\n    topic:\n    version: v\n".to_owned()),
        ("bad-config", 4, "meta:\n    name: c\n    type: t\n    topic: ~\n    version: v\n".to_owned()),
        ("bad-config", 2, "meta:\n  name: 7\n  type: t\n  topic: t\n  version: v\n".to_owned()),
        ("bad-config", 5, "meta:\n  name: c\n  type: t\n  topic: t\n  version: 1.0\n".to_owned()),
        ("bad-config", 2, "meta:\n  name: [c]\n  type: t\n  topic: t\n  version: v\n".to_owned()),
        ("bad-config", 2, "meta:\n  - name: c\n    type: t\n    topic: t\n    version: v\n".to_owned()),
        ("bad-config", 2, "meta:\n  - name: c\n  - type: t\n  - topic: t\n  - version: v\n".to_owned()),
        ("bad-config", 1, "meta: [{name: c}]\nhttp: {}\n".to_owned()),
        ("bad-config", 1, "meta: text\n".to_owned()),
        // Something is of another form.
        ("bad-config", 1, config("").replacen("0.1.0", "v1", 1)),
        ("bad-config", 1, config("").replacen("0.1.0", "1.0", 1)),
        ("bad-config", 1, config("").replacen("0.1.0", "0.2.0", 1)).with_line(6),
        ("bad-config", 1, config("").replace("topic: facts", "topic: {meta: {name: facts}}")),
        ("bad-config", 1, config("").replace("topic: facts", "topic:\n    meta:\n      name: facts")),
        ("bad-config", 1, "meta:\n  name: c\n  type: t\n  topic: {meta: {name: t}}\n  version: v\n".to_owned()),
        ("bad-config", 4, "meta:\n  name: c\n  type: t\n  producer: {linger: 5}\n  topic: t\n  version: v\n".to_owned()),
        ("bad-config", 4, "meta:\n  name: c\n  type: t\n  producer: {linger: soon, batch-size: 5 x, compression: no}\n  topic: t\n  version: v\n".to_owned()),
        ("bad-config", 4, "meta:\n  name: c\n  type: t\n  consumer: {partition: some, offset: {start: end}}\n  topic: t\n  version: v\n".to_owned()),
        ("bad-config", 6, config("").replace("  topic: facts\n", "  topic: facts\n  producer:\n    linger: \"${{ secrets.S }}\"\n")).with_line(8),
        ("bad-config", 12, config("transforms:\n  - with:\n      a: b\n")),
        ("bad-config", 13, config("transforms:\n  - uses: u\n    with: text\n")).with_line(13),
        ("bad-config", 14, transform("      a: 1\n")),
        ("bad-config", 11, config("transforms: text\n")),
        ("bad-config", 12, config("transforms:\n  - text\n")),
        ("bad-config", 12, config("transforms:\n  - {with: {a: b}}\n")),
        ("bad-config", 13, config("transforms:\n  - uses: u\n    lookback: {last: x, age: y}\n")),
        ("bad-config", 7, config("").replace("  secrets:\n", "  producer: text\n  consumer: [a]\n  secrets:\n")),
        ("bad-config", 12, config("  k: !tag v\n").replace("  k", "  j: 1\n  k")),
        ("bad-config", 6, config("").replacen("0.1.0", "0.2.0", 1).replace("topic: facts", "topic: {meta: {}, partition: {count: x, max-size: y}, retention: {time: z}, compression: {type: gzip}}")),
        // Secrets.
        ("no-api-version", 1, without("apiVersion: 0.1.0\n") + "  t: \"${{ secrets.S }}\"\n"),
        ("no-api-version", 1, config("  t: \"${{ secrets.S }}\"\n").replacen("0.1.0", "0.0.0", 1)),
        ("no-api-version", 1, config("").replacen(" 0.1.0", "", 1)),
        ("no-api-version", 1, config("").replacen("0.1.0", "\"0.0.0\"", 1)),
        ("no-api-version", 2, "---\n".to_owned() + &without("apiVersion: 0.1.0\n")),
        ("no-api-version", 1, "{\"meta\": {\"name\": \"c\", \"type\": \"t\", \"topic\": \"t\", \"version\": \"1\", \"secrets\": [{\"name\": \"S\"}]}, \"http\": \"${{ secrets.S }}\"}".to_owned()),
        ("undeclared", 11, config("  t: \"${{ secrets.T }}\"\n")),
        ("undeclared", 8, "apiVersion: 0.1.0\nmeta:\n  version: 0.1.0\n  name: facts\n  type: http-source\n  topic: facts\nhttp:\n  t: \"${{ secrets.T }}\"\n".to_owned()),
        ("undefined", 11, config("  t: \"${{ T }}\"\n")),
        ("filter", 11, config("  t: \"${{ secrets.S | upper }}\"\n")),
        ("unclosed-template", 11, config("  t: \"${{ secrets.S\"\n")),
        ("unused", 9, config("").replace("    - name: S\n", "    - name: S\n    - name: T\n")),
        ("bad-name", 8, config("").replace("- name: S", "- name: MY-SECRET")),
        ("bad-secrets", 8, config("").replace("    - name: S\n", "    S: x\n")),
        ("literal-reference", 14, transform("      key: {secret: {name: T}}\n")),
        ("literal-reference", 15, transform("      key:\n        secret:\n          name: T\n")),
        ("literal-reference", 15, transform("      keys:\n        - secret: {name: T}\n        - b\n")),
        ("missing-secret", 11, config("  t: {secret: {name: NEW}}\n")),
        ("changes-the-file", 12, config("  t: ${{ secrets.NUMBER }}\n").replace("- name: S\n", "- name: S\n    - name: NUMBER\n")),
        // YAML.
        ("bad-indentation", 5, config("").replace("  type", "   type")),
        ("bad-indentation", 5, config("").replace("  type", " type")),
        ("bad-indentation", 4, config("").replace("  name: facts", "    name: facts")),
        ("bad-indentation", 8, config("").replace("    - name: S", "   - name: S\n     x: y")).with_line(0),
        ("bad-indentation", 11, config("\tk: 1\n\tl: 2\n")),
        ("bad-indentation", 12, config("  k:\n\t\tl: 2\n")),
        ("bad-indentation", 12, config("  k: 1\n    l:\n      m: n\n")),
        ("repeated-key", 11, config("meta:\n  name: d\n")),
        ("repeated-key", 13, config("  k:\n    a: 1\n    a:\n      - 2\n")),
        ("several-documents", 11, config("---\na: 1\n")),
        ("unquoted-colon", 11, config("  k: a: b\n")),
        ("unknown-escape", 11, config("  k: \"\\q\"\n")),
        ("unclosed-quote", 11, config("  k: \"abc\n")),
    ]
    .into_iter()
    .filter(|(_, line, _)| *line > 0)
    .collect()
}

/// Another line than the table's column has room for.
trait WithLine {
    fn with_line(self, line: usize) -> Self;
}

impl WithLine for (&'static str, usize, String) {
    fn with_line(self, line: usize) -> Self {
        (self.0, line, self.2)
    }
}

#[test]
fn e13_each_help_of_a_finding_followed_to_the_letter_fixes_it() {
    let mut failed = Vec::new();
    for (code, line, text) in cases() {
        let mut case = Case::new(&text);
        let mut findings = case.findings();
        let found = findings.iter().any(|one| one.code == code && one.line == line);
        if !found {
            failed.push(format!("no {code} in line {line}: {findings:#?}\n{text}"));
            continue;
        }
        // That values would be logged is about how the connector is started.
        findings.retain(|one| one.code != "logged-value");
        // A repeated edit of one place would not be what a person does.
        findings.sort_by_key(|one| {
            let is_above = one.remedy.contains("above this one");
            (Reverse(one.line), is_above, Reverse(one.column))
        });
        findings.dedup_by(|one, next| one.remedy == next.remedy && one.line == next.line);
        findings.iter().for_each(|finding| case.follow(finding));
        let left = case.findings();
        let is_left = |one: &&Finding| one.code == code || one.severity == Severity::Error;
        if let Some(left) = left.iter().find(is_left) {
            let helps: Vec<_> = findings.iter().map(|one| &one.remedy).collect();
            failed.push(format!(
                "{code} {helps:#?} left {left:#?}\n{text}\n--- became\n{}",
                case.text
            ));
        }
    }
    assert!(failed.is_empty(), "{}\n{} failed", failed.join("\n=====\n"), failed.len());
}
