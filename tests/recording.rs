//! The picture of a first session in README: it shows what the programs print.
//!
//! `cargo xtask recording` draws it again, with `FLUVIO_SECRET_WRITE_DOCUMENTS=1`.

use std::fs;

use anstyle::{Color, RgbColor};
use anstyle_svg::Term;

use crate::harness::need;
use crate::harness::page::general;
use crate::harness::shell::Shell;
use crate::harness::sources::root;

/// The width of the terminal.
const COLUMNS: u16 = 84;

const CONFIG: &str = "\
apiVersion: 0.1.0
meta:
  version: 0.1.1
  name: cat-facts
  type: http-source
  topic: cat-facts
  secrets:
    - name: AUTH_HEADER
http:
  endpoint: https://catfact.ninja/fact
  headers:
    - \"Authorization: ${{ secrets.AUTH_HEADER }}\"
";

/// What is typed, and the answer to a prompt.
const SESSION: [(&str, Option<&str>); 6] = [
    ("fluvio-secret set AUTH_HEADER", Some("bearer 1234abcd")),
    ("tail -n 4 cat-facts.yaml", None),
    ("cdk deploy start --config cat-facts.yaml", None),
    ("fluvio-secret lease list", None),
    ("fluvio-secret delete AUTH_HEADER", None),
    ("fluvio-secret check cat-facts.yaml", None),
];

/// What is on the screen at the end, with its colors.
fn screen() -> String {
    let mut shell = Shell::start(COLUMNS);
    fs::write(shell.project().join("cat-facts.yaml"), CONFIG).unwrap();
    let before = [
        "unset NO_COLOR",
        // The key is made, and a note about it printed.
        "fluvio-secret set FIRST 1",
        "fluvio-secret delete FIRST",
        "fluvio-secret cdk --install",
        "PATH=~/.local/share/fluvio-secret/bin:$PATH",
    ];
    for command in before {
        assert_eq!(shell.run(command, &mut Vec::new()).1, 0, "{command}");
    }
    let mut screen = String::new();
    for (command, answer) in SESSION {
        let (output, _) = shell.run(command, &mut answer.map(str::to_owned).into_iter().collect());
        screen.push_str(&format!("\u{1b}[1m$ {command}\u{1b}[0m\n{}\n\n", output.trim_end()));
    }
    shell.end();
    screen.trim_end().to_owned()
}

#[test]
fn the_recording_shows_what_the_programs_print() {
    if !need::sources() || !need::tool("bash") {
        return;
    }
    let rgb = |[r, g, b]: [u8; 3]| Color::Rgb(RgbColor(r, g, b));
    let screen = screen();
    for (name, text, background) in
        [("light", [31, 35, 40], [246, 248, 250]), ("dark", [230, 237, 243], [21, 27, 35])]
    {
        let term = Term::new().fg_color(rgb(text)).bg_color(rgb(background));
        let drawn = term.render_svg(&screen);
        let path = root().join(format!("docs/recording-{name}.svg"));
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let is_current = general(&kept) == general(&drawn);
        if std::env::var_os("FLUVIO_SECRET_WRITE_DOCUMENTS").is_some() && !is_current {
            fs::write(&path, drawn).unwrap();
        } else {
            assert!(is_current, "draw it again with: cargo xtask recording");
        }
    }
}
