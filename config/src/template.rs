//! Templates in a configuration, without a template engine: lookups of secrets are known, and all else
//! is left to the connector.
//!
//! Connectors render with minijinja, the delimiters `${{ }}`, `${% %}` and `${# #}`, no filters and no
//! functions, and with undefined variables as errors. The whole text is rendered, comments too.

use fluvio_secret_protocol::SecretName;

/// How many lookups the fuel of a connector's engine pays for.
pub(crate) const MOST_LOOKUPS: usize = 124;

/// A template, and where in the text it is.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Template {
    /// The bytes from the opening to the closing delimiter, both included.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: Kind,
    /// Whether the blanks before and behind it go, too: `${{-` and `-}}`.
    trims: (bool, bool),
}

/// What a template is.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// What only the engine can tell.
    Computed,
    /// A lookup with a filter, of which connectors have none.
    Filter(SecretName),
    /// The value of a secret.
    Lookup(SecretName),
    /// A variable that a connector does not define; with the secret's name that may have been meant.
    Undefined(Option<SecretName>),
    /// It is opened and not closed.
    Unclosed,
}

/// All templates of a text, in their order.
pub(crate) fn templates(text: &str) -> Vec<Template> {
    let mut templates = Vec::new();
    let mut at = 0;
    while let Some(found) = next_opening(text, at) {
        let template = read(text, found);
        at = template.to.max(found + 3);
        let is_last = template.kind == Kind::Unclosed;
        templates.push(template);
        if is_last {
            break;
        }
    }
    templates
}

fn next_opening(text: &str, from: usize) -> Option<usize> {
    let openings = ["${{", "${%", "${#"];
    openings.iter().filter_map(|opening| text[from..].find(opening)).min().map(|at| from + at)
}

fn read(text: &str, from: usize) -> Template {
    let closing = match &text[from..from + 3] {
        "${{" => return read_expression(text, from),
        "${%" => "%}",
        _ => "#}",
    };
    let end = text[from + 3..].find(closing).map(|at| from + 3 + at + closing.len());
    Template {
        from,
        to: end.unwrap_or(from + 3),
        kind: if end.is_some() { Kind::Computed } else { Kind::Unclosed },
        trims: (false, false),
    }
}

/// A word of an expression.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Sign(char),
}

fn read_expression(text: &str, from: usize) -> Template {
    let mut rest = &text[from + 3..];
    let before = rest.starts_with('-');
    rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let behind = rest.starts_with("-}}");
        if behind || rest.starts_with("}}") {
            let to = text.len() - rest.len() + if behind { 3 } else { 2 };
            return Template { from, to, kind: kind(&tokens), trims: (before, behind) };
        }
        let Some((token, after)) = token(rest) else {
            let trims = (before, false);
            return Template { from, to: from + 3, kind: Kind::Unclosed, trims };
        };
        tokens.push(token);
        rest = after;
    }
}

fn token(text: &str) -> Option<(Token<'_>, &str)> {
    let first = text.chars().next()?;
    if first.is_alphanumeric() || first == '_' {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        return Some((Token::Word(&text[..end]), &text[end..]));
    }
    if first == '"' || first == '\'' {
        let inside = &text[1..];
        let end = inside.find(first)?;
        return Some((Token::Text(&inside[..end]), &inside[end + 1..]));
    }
    Some((Token::Sign(first), &text[first.len_utf8()..]))
}

fn kind(tokens: &[Token<'_>]) -> Kind {
    use Token::{Sign, Text, Word};
    let (name, rest) = match tokens {
        [Word("secrets"), Sign('.'), Word(name), rest @ ..] => (name, rest),
        [Word("secrets"), Sign('['), Text(name), Sign(']'), rest @ ..] => (name, rest),
        // Words that are values of the engine's own.
        [Word("true" | "false" | "none" | "True" | "False" | "None" | "not" | "secrets"), ..] => {
            return Kind::Computed;
        }
        [Word(first), rest @ ..] if !first.starts_with(|c: char| c.is_ascii_digit()) => {
            let meant = first.parse().ok();
            return match rest {
                [] => Kind::Undefined(meant),
                // Of what is undefined nothing can be looked up either.
                [Sign('.' | '['), ..] => Kind::Undefined(None),
                _ => Kind::Computed,
            };
        }
        _ => return Kind::Computed,
    };
    // A text of an escape or of another form is no name of a secret, and so none that is defined.
    let Ok(name) = name.parse::<SecretName>() else { return Kind::Undefined(None) };
    match rest {
        [] => Kind::Lookup(name),
        [Sign('|'), ..] => Kind::Filter(name),
        [Sign('.' | '['), ..] => Kind::Undefined(None),
        _ => Kind::Computed,
    }
}

/// The text that a connector would parse, when each lookup becomes what `value` says of its place
/// among the templates.
pub(crate) fn render<'a>(
    text: &str,
    templates: &[Template],
    value: impl Fn(usize, &SecretName) -> &'a str,
) -> String {
    let mut rendered = String::new();
    let mut at = 0;
    let mut trims_next = false;
    for (index, template) in templates.iter().enumerate() {
        let before = &text[at..template.from];
        let before = if trims_next { before.trim_start() } else { before };
        rendered += if template.trims.0 { before.trim_end() } else { before };
        if let Kind::Lookup(name) = &template.kind {
            rendered += value(index, name);
        }
        at = template.to;
        trims_next = template.trims.1;
    }
    let rest = &text[at..];
    rendered += if trims_next { rest.trim_start() } else { rest };
    // The engine takes one line end from the end of a template.
    if rendered.ends_with('\n') {
        rendered.pop();
        if rendered.ends_with('\r') {
            rendered.pop();
        }
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::{Kind, render, templates};

    fn kinds(text: &str) -> Vec<Kind> {
        templates(text).into_iter().map(|template| template.kind).collect()
    }

    fn lookup(name: &str) -> Kind {
        Kind::Lookup(name.parse().expect("a name"))
    }

    #[test]
    fn lookups_are_found_in_all_their_forms() {
        for text in [
            "${{ secrets.A }}",
            "${{secrets.A}}",
            "${{ secrets[\"A\"] }}",
            "${{ secrets['A'] }}",
            "${{- secrets.A -}}",
            "${{\n  secrets . A\n}}",
            "# ${{ secrets.A }}",
            "x${{ secrets.A }}y",
        ] {
            assert_eq!(kinds(text), [lookup("A")], "{text}");
        }
        assert_eq!(kinds("${{ secrets.A }}_${{ secrets.B }}"), [lookup("A"), lookup("B")]);
        assert_eq!(kinds("$ {{ secrets.A }} {{ secrets.A }} ${ { x"), []);
    }

    #[test]
    fn what_a_connector_does_not_know_is_told_from_what_we_do_not() {
        let name = |name: &str| name.parse().expect("a name");
        assert_eq!(kinds("${{ secrets.A | upper }}"), [Kind::Filter(name("A"))]);
        assert_eq!(kinds("${{ TOKEN }}"), [Kind::Undefined(Some(name("TOKEN")))]);
        for text in ["${{ record.json.key }}", "${{ secrets.A.b }}", "${{ secrets['a-b'] }}"] {
            assert_eq!(kinds(text), [Kind::Undefined(None)], "{text}");
        }
        for text in [
            "${{ secrets.A ~ 'x' }}",
            "${{ 1 + 1 }}",
            "${{ 'x' }}",
            "${{ secrets }}",
            "${{ true }}",
            "${{ f(1) }}",
            "${% if secrets.A %}",
            "${# secrets.A #}",
            "${{ }}",
        ] {
            assert_eq!(kinds(text), [Kind::Computed], "{text}");
        }
        for text in ["${{ secrets.A }", "${{ 'x }}", "${% if", "${#", "${{"] {
            assert_eq!(kinds(text), [Kind::Unclosed], "{text}");
        }
    }

    #[test]
    fn a_text_is_rendered_as_a_connector_renders_it() {
        let rendered = |text: &str| render(text, &templates(text), |_, _| "v");
        assert_eq!(rendered("a: ${{ secrets.A }}\nb: 1\n"), "a: v\nb: 1");
        assert_eq!(rendered("a: ${{ secrets.A }}\r\n"), "a: v");
        assert_eq!(rendered("a:  ${{- secrets.A -}}\n b\n\n"), "a:vb\n");
        assert_eq!(rendered("${{ secrets.A }}${{ secrets.A }}"), "vv");
        let text = "${{ secrets.A }}${{ secrets.B }}";
        let which = |_: usize, name: &fluvio_secret_protocol::SecretName| match name.as_str() {
            "A" => "1",
            _ => "2",
        };
        assert_eq!(render(text, &templates(text), which), "12");
    }
}
