//! Icons: Lucide's, one set, inline; and our own mark.

use maud::{Markup, PreEscaped, html};

use crate::assets;

macro_rules! icons {
    ($($name:ident $file:literal)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Icon { $($name),* }

        impl Icon {
            #[cfg(test)]
            const ALL: &[Icon] = &[$(Icon::$name),*];

            const fn file(self) -> &'static str {
                match self { $(Icon::$name => $file),* }
            }
        }
    };
}

icons! {
    Activity "activity"
    Alert "circle-alert"
    Book "book-open"
    Check "check"
    Chevron "chevron-down"
    Clipboard "clipboard"
    Cpu "cpu"
    Disk "hard-drive"
    Dots "ellipsis"
    Done "circle-check"
    Expand "maximize"
    Fit "scaling"
    Gauge "gauge"
    Grid "layout-grid"
    Keyboard "keyboard"
    Languages "languages"
    List "list"
    Loader "loader-circle"
    Memory "memory-stick"
    Monitor "monitor"
    MonitorOff "monitor-off"
    Moon "moon"
    Panel "panel-right"
    Pencil "pencil"
    Password "key-round"
    Play "play"
    Plus "plus"
    Power "power"
    Refresh "refresh-cw"
    Restart "rotate-ccw"
    Search "search"
    Server "server"
    Settings "settings"
    SignOut "log-out"
    Square "square"
    Sun "sun"
    SunMoon "sun-moon"
    Timer "timer"
    Trash "trash-2"
    Waiting "circle"
    Warning "triangle-alert"
    X "x"
}

/// An icon that stands beside a word, or in a button with a name of its own.
pub(crate) fn icon(icon: Icon) -> Markup {
    svg(icon, None, false, false)
}

/// 20 px rather than 16.
pub(crate) fn large_icon(icon: Icon) -> Markup {
    svg(icon, Some("large"), false, false)
}

/// One that turns while something is under way, or is the check mark of a menu item.
pub(crate) fn icon_with(icon: Icon, turning: bool, check: bool) -> Markup {
    svg(icon, None, turning, check)
}

fn svg(icon: Icon, size: Option<&str>, turning: bool, check: bool) -> Markup {
    html! {
        svg.icon data-size=[size] data-turning[turning] data-check[check] viewBox="0 0 24 24" fill="none"
            stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            (PreEscaped(assets::icon(icon.file())))
        }
    }
}

/// The half-closed roll of a roll-top desk.
pub(crate) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 32 32" fill="none" stroke-linecap="round" aria-hidden="true" {
            path d="M5.5 17.5C5.5 10.6 8.6 5.5 13.4 5.5h5.2c4.8 0 7.9 5.1 7.9 12" stroke="currentColor" stroke-width="2.2" {}
            path d="M3 18.6h26M7 19v7.5h5V19M20 19v7.5h5V19" stroke="currentColor" stroke-width="2.2" stroke-linejoin="round" {}
            path.brass d="M12.2 9.6h7.6M10.4 13.2h11.2" stroke-width="2.2" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_on_the_list_that_the_front_end_is_built_from() {
        let list: Vec<String> = serde_json::from_str(include_str!("../../../../web/src/icons.json")).unwrap();
        for icon in Icon::ALL {
            assert!(
                list.iter().any(|name| name == icon.file()),
                "{} is not in web/src/icons.json",
                icon.file()
            );
        }
    }
}
