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
    Copy "copy"
    Cpu "cpu"
    Disk "hard-drive"
    Dots "ellipsis"
    Done "circle-check"
    End "circle-stop"
    Expand "maximize"
    Eye "eye"
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
    Ports "globe"
    Play "play"
    Plus "plus"
    Power "power"
    Refresh "refresh-cw"
    Restart "rotate-ccw"
    Search "search"
    Server "server"
    Settings "settings"
    Resize "scaling"
    Template "layout-template"
    SignIn "log-in"
    SignOut "log-out"
    Square "square"
    Sun "sun"
    SunMoon "sun-moon"
    Timer "timer"
    Trash "trash-2"
    Waiting "circle"
    Warning "triangle-alert"
    ChevronUp "chevron-up"
    Terminal "square-terminal"
    Wide "move-horizontal"
    Back "arrow-left"
    Download "download"
    File "file"
    Folder "folder"
    Fork "git-fork"
    Layers "layers"
    Camera "camera"
    FolderPlus "folder-plus"
    Home "house"
    Link "link-2"
    Lock "lock-keyhole"
    Move "folder-input"
    Up "corner-left-up"
    Upload "upload"
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
            path d="M5 17v-3.2C5 8.6 8.2 5.5 13 5.5h6c4.8 0 8 3.1 8 8.3V17" stroke="currentColor" stroke-width="2.2" {}
            path d="M2.8 17.6h26.4M5 18v8.6h7.4V18M19.6 18v8.6H27V18" stroke="currentColor" stroke-width="2.2" stroke-linejoin="round" {}
            path.brass d="M10.6 9.6h10.8M9 13.3h14" stroke-width="2.2" {}
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
