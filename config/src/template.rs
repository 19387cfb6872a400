//! Templates in a configuration, without a template engine. Lookups of secrets are recognized, and all
//! else is left to the connector.
//!
//! Connectors render with minijinja: the delimiters `${{ }}`, `${% %}` and `${# #}`, no filters or
//! functions, and errors for undefined variables. The whole text is rendered, even comments.

use fluvio_secret_protocol::SecretName;

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Template {
    /// The bytes from the opening to the closing delimiter, both included.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: Kind,
    /// Whether it is rendered for sure: not inside a block, or after one that may define names.
    pub(crate) is_certain: bool,
    /// The least fuel that it takes.
    pub(crate) fuel: usize,
    /// Whether the whitespace before and after it is removed: `${{-` and `-}}`.
    pub(crate) trims: (bool, bool),
}

impl Template {
    pub(crate) fn lookup(&self) -> Option<&SecretName> {
        match &self.kind {
            Kind::Lookup(name) => Some(name),
            _ => None,
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// `${# … #}`, which is removed.
    Comment,
    /// Only the engine knows what it becomes.
    Computed,
    /// A lookup with a filter. Connectors have no filters.
    Filter(SecretName),
    Lookup(SecretName),
    /// A variable that a connector does not define, with the secret's name that may be intended.
    Undefined(Option<SecretName>),
    Unclosed,
}

pub(crate) fn templates(text: &str) -> Vec<Template> {
    let mut templates = Vec::new();
    let mut at = 0;
    let mut blocks = Blocks::default();
    while let Some(found) = next_opening(text, at) {
        let mut template = read(text, found);
        if text[found..].starts_with("${%") {
            blocks.pass(text, &mut template);
        }
        template.is_certain = blocks.is_outside();
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

/// The blocks that are open at a place, as far as their first words tell.
#[derive(Default)]
struct Blocks {
    open: usize,
    /// Whether a block may have given names a meaning.
    defines: bool,
}

impl Blocks {
    fn is_outside(&self) -> bool {
        self.open == 0 && !self.defines
    }

    /// Passes a `${% … %}`. A raw block is one template up to its end.
    fn pass(&mut self, text: &str, template: &mut Template) {
        match word_of_block(&text[template.from..template.to]) {
            "raw" => {
                let ends = text[template.to..].match_indices("${%").map(|(at, _)| template.to + at);
                let mut ends = ends.map(|at| read(text, at));
                let is_end = |end: &Template| word_of_block(&text[end.from..end.to]) == "endraw";
                match ends.find(is_end) {
                    Some(end) => template.to = end.to,
                    None => template.kind = Kind::Unclosed,
                }
            }
            "if" | "for" | "with" | "filter" | "block" | "autoescape" => self.open += 1,
            "set" | "macro" | "call" | "import" | "from" => self.defines = true,
            word if word.starts_with("end") => self.open = self.open.saturating_sub(1),
            _ => {}
        }
    }
}

fn word_of_block(block: &str) -> &str {
    let inside = block.get(3..).unwrap_or_default().trim_start_matches(['-', '+']).trim_start();
    inside.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

fn template(from: usize, to: usize, kind: Kind) -> Template {
    Template { from, to, kind, is_certain: true, fuel: 0, trims: (false, false) }
}

fn read(text: &str, from: usize) -> Template {
    let (closing, kind) = match &text[from..from + 3] {
        "${{" => return read_expression(text, from),
        "${%" => ("%}", Kind::Computed),
        _ => ("#}", Kind::Comment),
    };
    let Some(length) = text[from + 3..].find(closing) else {
        return template(from, from + 3, Kind::Unclosed);
    };
    let inside = &text[from + 3..from + 3 + length];
    // One sign is not for both ends: `${#-#}` takes away what is before it.
    let after_sign = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let trims = (inside.starts_with('-'), after_sign.ends_with('-'));
    Template { trims, ..template(from, from + 3 + length + closing.len(), kind) }
}

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
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let closing = ["}}", "-}}", "+}}"].into_iter().find(|closing| rest.starts_with(closing));
        if let Some(closing) = closing {
            let to = text.len() - rest.len() + closing.len();
            let kind = kind(&tokens);
            let fuel = match kind {
                Kind::Lookup(_) => tokens.len().min(4),
                _ => 0,
            };
            let trims = (before, closing.starts_with('-'));
            return Template { fuel, trims, ..template(from, to, kind) };
        }
        let Some((token, after)) = token(rest) else {
            return template(from, from + 3, Kind::Unclosed);
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
        let mut is_escaped = false;
        let end = inside.find(|c: char| {
            let is_end = c == first && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        })?;
        return Some((Token::Text(&inside[..end]), &inside[end + 1..]));
    }
    Some((Token::Sign(first), &text[first.len_utf8()..]))
}

fn kind(tokens: &[Token<'_>]) -> Kind {
    use Token::{Sign, Text, Word};
    // The engine stops at each of these, such as a space that it does not know.
    if tokens.iter().any(|token| matches!(token, Sign(sign) if !sign.is_ascii())) {
        return Kind::Undefined(None);
    }
    // What is before it may not be computed.
    if tokens.contains(&Word("if")) {
        return Kind::Computed;
    }
    let (name, rest) = match tokens {
        [Word("secrets"), Sign('.'), Word(name), rest @ ..] => (name, rest),
        [Word("secrets"), Sign('['), Text(name), Sign(']'), rest @ ..] => (name, rest),
        // The engine requires an expression.
        [] => return Kind::Undefined(None),
        // Words that are values of the engine.
        [Word("true" | "false" | "none" | "True" | "False" | "None" | "not" | "secrets"), ..] => {
            return Kind::Computed;
        }
        [Word(first), rest @ ..] if !first.starts_with(|c: char| c.is_ascii_digit()) => {
            let meant = first.parse().ok();
            return match rest {
                [] | [Sign('|'), ..] => Kind::Undefined(meant),
                // An undefined value has no fields.
                rest if is_chain(rest) => Kind::Undefined(None),
                _ => Kind::Computed,
            };
        }
        _ => return Kind::Computed,
    };
    match name.parse::<SecretName>() {
        // The engine decodes escapes.
        Err(_) if name.contains('\\') => Kind::Computed,
        // No secret has such a name.
        Err(_) if is_chain(rest) => Kind::Undefined(None),
        Err(_) => Kind::Computed,
        Ok(name) => match rest {
            [] => Kind::Lookup(name),
            [Sign('|'), ..] => Kind::Filter(name),
            // A value is a string, which has no fields. (It has characters, by number.)
            rest if is_chain(rest) => Kind::Undefined(None),
            _ => Kind::Computed,
        },
    }
}

/// Whether all of this is lookups of fields, by `.x` or `["x"]`.
fn is_chain(mut tokens: &[Token<'_>]) -> bool {
    use Token::{Sign, Text, Word};
    loop {
        tokens = match tokens {
            [] => return true,
            [Sign('.'), Word(_), rest @ ..] => rest,
            [Sign('['), Text(_), Sign(']'), rest @ ..] => rest,
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, templates};

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
            "${{+ secrets.A +}}",
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
        for text in [
            "${{ record.json.key }}",
            "${{ secrets.A.b }}",
            "${{ secrets['a-b'] }}",
            "${{ secrets.A\u{a0}}}",
            "${{ }}",
        ] {
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
            "${{ secrets['\\x41'] }}",
            "${{ secrets.A[0] }}",
            "${{ secrets.A | f if false }}",
            "${{ TOKEN if false }}",
            "${{ secrets.A.b is defined }}",
            "${{ 'a\\'b' }}",
            "${% raw %}${{ TOKEN }}${%- endraw %}",
        ] {
            assert_eq!(kinds(text), [Kind::Computed], "{text}");
        }
        assert_eq!(kinds("${{ TOKEN | lower }}"), [Kind::Undefined(Some(name("TOKEN")))]);
        assert_eq!(kinds("${# secrets.A #}"), [Kind::Comment]);
        for text in ["${{ secrets.A }", "${{ 'x }}", "${% if", "${#", "${{", "${% raw %}"] {
            assert_eq!(kinds(text), [Kind::Unclosed], "{text}");
        }
    }

    #[test]
    fn what_is_in_a_block_or_behind_a_definition_may_mean_something_else() {
        let certain = |text: &str| {
            let templates = templates(text);
            templates.last().expect("there is one").is_certain
        };
        assert!(certain("${{ A }}"));
        assert!(certain("${% if secrets.A %}x${% endif %}${{ A }}"));
        assert!(!certain("${% if secrets.A %}${{ A }}"));
        assert!(!certain("${% for a in 'b' -%} ${{ a }}"));
        assert!(!certain("${%- set A = 1 %}${{ A }}"));
    }
}
