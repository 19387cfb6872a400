//! What the templates of a configuration look up, and whether it declares that.

use fluvio_secret_protocol::SecretName;
use fluvio_secret_protocol::check::Finding;

use crate::finding::{about, error, warning};
use crate::parsed::Parsed;
use crate::references::ApiVersion;
use crate::render::out_of_fuel;
use crate::source_map::Location;
use crate::template::{Kind, Template};

pub(super) fn find(document: &Parsed<'_>) -> Vec<Finding> {
    let too_many = out_of_fuel(document.text, &document.templates).map(|index| {
        let place = document.place_of_template(&document.templates[index]);
        let text = "the connector's engine renders no more templates than these, and stops here";
        let remedy = "write some as `secret: {name: NAME}`, which are not rendered";
        error("too-many-templates", place, text, remedy)
    });
    let found = document.templates.iter().filter_map(|template| finding(document, template));
    too_many.into_iter().chain(found).collect()
}

fn finding(document: &Parsed<'_>, template: &Template) -> Option<Finding> {
    let place = document.place_of_template(template);
    let is_declared = |name| document.declared().iter().any(|(declared, _)| declared == name);
    match &template.kind {
        Kind::Comment => None,
        Kind::Lookup(name) if is_declared(name) => None,
        Kind::Computed => Some(computed(place)),
        Kind::Filter(_) | Kind::Lookup(_) | Kind::Undefined(_) if !template.is_certain => {
            Some(computed(place))
        }
        Kind::Lookup(name) => undeclared(document, name, place),
        Kind::Filter(name) => {
            let text = "a connector's templates have no filters, so it does not start";
            let remedy = format!(
                "write `${{{{ secrets.{name} }}}}`, and set the secret to the value that you need"
            );
            Some(about(name, error("filter", place, text, remedy)))
        }
        Kind::Undefined(meant) => Some(undefined(meant.as_ref(), place)),
        Kind::Unclosed => Some(error(
            "unclosed-template",
            place,
            "this template is not closed, so the connector does not start",
            "close it with `}}`, `%}` or `#}`, as it was opened",
        )),
    }
}

fn computed(place: Location) -> Finding {
    warning("computed", place, "the connector computes this, so it is not checked", "")
}

fn undeclared(document: &Parsed<'_>, name: &SecretName, place: Location) -> Option<Finding> {
    let is_listed = || document.listed.iter().any(|(listed, _)| listed == name);
    match document.version {
        // The version is reported, and fixing it may be enough.
        ApiVersion::Unknown => return None,
        ApiVersion::Unversioned if is_listed() => return None,
        ApiVersion::Unversioned | ApiVersion::Declaring => {}
    }
    let text = format!("`{name}` is not declared, so the connector does not start");
    let remedy = format!("add `- name: {name}` to the list `secrets:` below `meta:`");
    Some(about(name, error("undeclared", place, text, remedy)))
}

fn undefined(meant: Option<&SecretName>, place: Location) -> Finding {
    let Some(name) = meant else {
        return error(
            "undefined",
            place,
            "this is not a variable of a connector's templates, so it does not start",
            "use only `${{ secrets.NAME }}`, and no `${{` outside of a template",
        );
    };
    error(
        "undefined",
        place,
        format!("`{name}` is not a variable of a connector's templates, so it does not start"),
        format!(
            "for the secret, write `${{{{ secrets.{name} }}}}`, and add `- name: {name}` to `meta.secrets`"
        ),
    )
}
