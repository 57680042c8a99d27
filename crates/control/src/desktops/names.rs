//! Names for desktops that were asked for without one.

use rolltop_model::{DesktopName, NameError};

const WOODS: [&str; 16] = [
    "alder", "ash", "beech", "birch", "cedar", "cherry", "elm", "hazel", "larch", "linden", "maple", "oak",
    "olive", "pear", "rowan", "walnut",
];
const THINGS: [&str; 16] = [
    "bench", "cabinet", "chest", "drawer", "easel", "ladder", "lamp", "ledger", "lectern", "shelf", "slate",
    "stool", "table", "tray", "trunk", "window",
];

/// A name such as "walnut-lamp"; after the first few tries with a number behind it.
pub(crate) fn suggestion(tries: u32) -> Result<DesktopName, NameError> {
    let [wood, thing, number] = rolltop_vault::random_bytes::<3>();
    let pick = |words: &[&'static str], byte: u8| words.get(usize::from(byte) % words.len().max(1)).copied();
    let wood = pick(&WOODS, wood).unwrap_or("oak");
    let thing = pick(&THINGS, thing).unwrap_or("desk");
    if tries < 4 {
        format!("{wood}-{thing}").parse()
    } else {
        format!("{wood}-{thing}-{tries}{number}").parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suggestion_is_a_name() {
        for tries in 0..500 {
            assert!(suggestion(tries).is_ok());
        }
    }
}
