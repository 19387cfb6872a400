//! The text that a connector would parse, with values in the places of its templates.

use fluvio_secret_protocol::SecretName;

use crate::template::Template;

/// The fuel of a connector's engine. A lookup takes 3, in brackets 4, and each text between templates 1.
const FUEL: usize = 500;

/// The texts before, between and after the templates, as the engine reads them: without the whitespace
/// that templates remove, and without one line end at the end.
fn pieces<'a>(text: &'a str, templates: &[Template]) -> Vec<&'a str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let mut pieces = Vec::new();
    let (mut at, mut trims_start) = (0, false);
    let ends = templates.iter().map(|template| (template.from, template.trims.0));
    for (index, (end, trims_end)) in ends.chain([(text.len(), false)]).enumerate() {
        let piece = &text[at..end];
        let piece = if trims_start { piece.trim_start() } else { piece };
        pieces.push(if trims_end { piece.trim_end() } else { piece });
        if let Some(template) = templates.get(index) {
            (at, trims_start) = (template.to, template.trims.1);
        }
    }
    pieces
}

/// The template at which a connector's engine is out of fuel, if it is.
pub(crate) fn out_of_fuel(text: &str, templates: &[Template]) -> Option<usize> {
    let mut used = 0;
    for (index, piece) in pieces(text, templates).into_iter().enumerate() {
        let template = templates.get(index);
        // What is inside a block may not be rendered.
        let is_certain = template.or(templates.last()).is_some_and(|template| template.is_certain);
        if is_certain {
            used += usize::from(!piece.is_empty()) + template.map_or(0, |template| template.fuel);
        }
        if used >= FUEL {
            return Some(index.min(templates.len() - 1));
        }
    }
    None
}

/// The text that a connector would parse. `value` is called with the index of each lookup among the
/// templates.
pub(crate) fn render<'a>(
    text: &str,
    templates: &[Template],
    value: impl Fn(usize, &SecretName) -> &'a str,
) -> String {
    let mut rendered = String::new();
    for (index, piece) in pieces(text, templates).into_iter().enumerate() {
        rendered += piece;
        if let Some(name) = templates.get(index).and_then(Template::lookup) {
            rendered += value(index, name);
        }
    }
    rendered
}

#[cfg(test)]
mod tests;
