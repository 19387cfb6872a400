//! The text that a connector would parse, with values in the places of its templates.

use fluvio_secret_protocol::SecretName;

use crate::template::Template;

/// The fuel of a connector's engine. A lookup takes 3, in brackets 4, and each text between templates 1.
const FUEL: usize = 500;

/// The texts before, between and behind the templates, as the engine sees them: without the blanks
/// that templates take away, and without one line end at the end.
fn pieces<'a>(text: &'a str, templates: &[Template]) -> Vec<&'a str> {
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
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
        // In a block nothing may be rendered.
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

/// The text that a connector would parse, when each lookup becomes what `value` says of its place
/// among the templates.
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
mod tests {
    use super::render;
    use crate::template::templates;

    #[test]
    fn a_text_is_rendered_as_a_connector_renders_it() {
        let rendered = |text: &str| render(text, &templates(text), |_, _| "v");
        assert_eq!(rendered("a: ${{ secrets.A }}\nb: 1\n"), "a: v\nb: 1");
        assert_eq!(rendered("a: ${{ secrets.A }}\r\n"), "a: v");
        assert_eq!(rendered("a:  ${{- secrets.A -}}\n b\n\n"), "a:vb\n");
        assert_eq!(rendered("${{ secrets.A }}${{ secrets.A }}"), "vv");
        assert_eq!(rendered("a ${# b #} c ${#- d -#} e"), "a  ce");
        let newline = |text: &str| render(text, &templates(text), |_, _| "v\n");
        assert_eq!(newline("a: |\n  ${{ secrets.A }}"), "a: |\n  v\n", "the value's own stays");
        let text = "${{ secrets.A }}${{ secrets.B }}";
        let which = |_: usize, name: &fluvio_secret_protocol::SecretName| match name.as_str() {
            "A" => "1",
            _ => "2",
        };
        assert_eq!(render(text, &templates(text), which), "12");
    }

    #[test]
    fn the_fuel_is_counted_as_the_engine_does() {
        let ends = |text: &str| super::out_of_fuel(text, &templates(text));
        let many = |template: &str, count: usize| format!("a: {}", template.repeat(count));
        for (template, most) in [
            ("${{ secrets.A }} ", 124),
            ("${{ secrets.A }}", 166),
            ("${{ secrets['A'] }} ", 99),
            (" ${{- secrets.A -}} ", 166),
        ] {
            assert_eq!(ends(&many(template, most)), None, "{template}");
            assert_eq!(ends(&many(template, most + 1)), Some(most), "{template}");
        }
        assert_eq!(ends(&(many("${{ secrets.A }}", 166) + "x")), Some(165));
    }
}
