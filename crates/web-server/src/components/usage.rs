//! What a desktop uses: the frame that a script fills with charts.

use maud::{Markup, html};
use rolltop_model::DesktopId;

use crate::assets;
use crate::language::Language;

/// Each with the lines that it has.
const CHARTS: [(&str, &[&str]); 4] = [
    ("processors", &["usage-processors"]),
    ("memory", &["usage-memory"]),
    ("disk", &["usage-disk"]),
    ("network", &["usage-received", "usage-sent"]),
];
/// What is asked for, and its name; the first at first.
const SPANS: [(&str, &str); 3] = [("hour", "usage-hour"), ("day", "usage-day"), ("month", "usage-month")];

pub(crate) fn usage(language: Language, desktop: DesktopId) -> Markup {
    html! {
        rolltop-usage #usage hx-morph-skip data-address={ "/desktops/" (desktop) "/usage" } data-module=(assets::address("usage.js"))
            data-words=(words(language)) {
            div.usage-spans role="group" aria-label=(language.say("usage-span")) {
                @for (span, name) in SPANS {
                    button.btn type="button" data-variant="ghost" data-size="sm" data-span=(span) aria-pressed=(span == SPANS[0].0) {
                        (language.say(name))
                    }
                }
            }
            @for (chart, lines) in CHARTS {
                figure data-chart=(chart) {
                    figcaption {
                        @for line in lines { span { span.usage-name { (language.say(line)) } " " output {} } }
                    }
                    div aria-hidden="true" {}
                }
            }
        }
    }
}

fn words(language: Language) -> String {
    let units = ["unit-b", "unit-kib", "unit-mib", "unit-gib", "unit-tib"].map(|unit| language.say(unit));
    serde_json::json!({
        "units": units,
        "percent": language.say_with("usage-percent", &[("value", "%value%")]),
        "second": language.say_with("usage-per-second", &[("value", "%value%")]),
        "most": language.say_with("usage-most", &[("now", "%now%"), ("most", "%most%")]),
        "none": language.say("usage-none"),
    })
    .to_string()
}
