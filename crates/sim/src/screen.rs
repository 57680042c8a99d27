//! A drawn desktop that reacts: its name and colour, a clock, what is typed, where was clicked.
//!
//! Typing writes into the window; Backspace takes a letter away. Ctrl+C puts the text on the
//! viewers' clipboards, Ctrl+V types what a viewer put there. So a test sees keys, pointer and
//! clipboard work, both ways.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;
use jpeg_encoder::{ColorType, Encoder};
use tokio::sync::{broadcast, watch};

mod canvas;
mod font;

pub use canvas::Frame;
use canvas::Picture;

const WIDTH: u16 = 1280;
const HEIGHT: u16 = 800;
/// Sizes a viewer may choose.
const SIZES: std::ops::RangeInclusive<u16> = 64..=4096;
const MAX_TYPED: usize = 200;
const QUALITY: u8 = 80;

const KEY_BACKSPACE: u32 = 0xff08;
const KEY_RETURN: u32 = 0xff0d;
const KEYS_CONTROL: [u32; 2] = [0xffe3, 0xffe4];

pub struct Screen {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    cuts: broadcast::Sender<String>,
}

struct State {
    picture: Picture,
    control: bool,
    clipboard: String,
    /// The last drawn frame as long as a viewer has it, and of which change and second it is.
    drawn: Weak<Frame>,
    drawn_of: (u64, i64),
}

impl Screen {
    /// `seed` chooses the colour.
    pub fn new(name: &str, seed: &str) -> Self {
        let picture = Picture {
            width: WIDTH,
            height: HEIGHT,
            name: name.to_owned(),
            hue: seed.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))),
            typed: String::new(),
            click: None,
        };
        let state =
            State { picture, control: false, clipboard: String::new(), drawn: Weak::new(), drawn_of: (0, 0) };
        Self { state: Mutex::new(state), changes: watch::Sender::new(0), cuts: broadcast::Sender::new(16) }
    }

    /// As after a boot.
    pub fn clear(&self) {
        self.change(|state| {
            state.picture.typed.clear();
            state.picture.click = None;
            (state.picture.width, state.picture.height) = (WIDTH, HEIGHT);
        });
    }

    pub fn rename(&self, name: &str) {
        self.change(|state| state.picture.name = name.to_owned());
    }

    pub fn name(&self) -> String {
        self.state().picture.name.clone()
    }

    pub fn typed(&self) -> String {
        self.state().picture.typed.clone()
    }

    /// Changes, as they happen; the clock's are not among them.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Texts the desktop puts on its viewers' clipboards.
    pub fn cuts(&self) -> broadcast::Receiver<String> {
        self.cuts.subscribe()
    }

    pub fn key(&self, down: bool, keysym: u32) {
        if KEYS_CONTROL.contains(&keysym) {
            self.state().control = down;
            return;
        }
        if !down {
            return;
        }
        let mut cut = None;
        self.change(|state| {
            let typed = &mut state.picture.typed;
            match (state.control, keysym, char::from_u32(keysym)) {
                (true, _, Some('c' | 'C')) => cut = Some(typed.clone()),
                (true, _, Some('v' | 'V')) => typed.push_str(&state.clipboard),
                (true, _, _) => {}
                (false, KEY_BACKSPACE, _) => {
                    typed.pop();
                }
                (false, KEY_RETURN, _) => typed.push('\n'),
                (false, 0x20..=0x7e, Some(letter)) => typed.push(letter),
                (false, _, _) => {}
            }
            *typed = last(typed, MAX_TYPED);
        });
        if let Some(text) = cut {
            self.copy(text);
        }
    }

    pub fn pointer(&self, buttons: u8, x: u16, y: u16) {
        if buttons & 1 == 1 {
            self.change(|state| state.picture.click = Some((x, y)));
        }
    }

    /// A program puts a text on the viewers' clipboards.
    pub fn copy(&self, text: String) {
        // Without a viewer nobody is told.
        let _ = self.cuts.send(text);
    }

    pub fn clipboard(&self) -> String {
        self.state().clipboard.clone()
    }

    /// A viewer's clipboard, to be typed by Ctrl+V.
    pub fn viewer_cut(&self, text: String) {
        self.state().clipboard = text;
    }

    /// Whether the size is one this screen can have.
    pub fn resize(&self, width: u16, height: u16) -> bool {
        let fits = SIZES.contains(&width) && SIZES.contains(&height);
        if fits {
            self.change(|state| (state.picture.width, state.picture.height) = (width, height));
        }
        fits
    }

    /// The picture as it is now.
    pub fn frame(&self) -> Arc<Frame> {
        let now = (*self.changes.borrow(), Timestamp::now().as_second());
        let mut state = self.state();
        if let Some(frame) = state.drawn.upgrade().filter(|_| state.drawn_of == now) {
            return frame;
        }
        let frame = Arc::new(state.picture.draw(now.1));
        (state.drawn, state.drawn_of) = (Arc::downgrade(&frame), now);
        frame
    }

    /// The picture scaled down, `None` if it can't be compressed.
    pub fn jpeg(&self, width: u16) -> Option<Vec<u8>> {
        let frame = self.frame();
        let width = width.clamp(1, frame.width);
        let height = u32::from(frame.height) * u32::from(width) / u32::from(frame.width.max(1));
        let height = u16::try_from(height).ok()?.max(1);
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, QUALITY)
            .encode(&frame.scaled(width, height), width, height, ColorType::Rgb)
            .ok()?;
        Some(jpeg)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last `count` characters.
fn last(text: &str, count: usize) -> String {
    text.chars().skip(text.chars().count().saturating_sub(count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_text(screen: &Screen, text: &str) {
        for letter in text.chars() {
            screen.key(true, u32::from(letter));
            screen.key(false, u32::from(letter));
        }
    }

    #[test]
    fn typing_and_clicking_change_the_picture() {
        let screen = Screen::new("blue", "1");
        let before = screen.frame();
        type_text(&screen, "hi");
        screen.key(true, KEY_BACKSPACE);
        assert_eq!(screen.typed(), "h");
        let after = screen.frame();
        assert!(before.differs_in(&after, 256, 160, 700, 400), "the letter shows in the window");
        screen.pointer(1, 1000, 600);
        assert!(after.differs_in(&screen.frame(), 990, 590, 20, 20), "the click shows where it was");
    }

    #[tokio::test]
    async fn the_clipboard_goes_both_ways() {
        let screen = Screen::new("blue", "1");
        let mut cuts = screen.cuts();
        screen.viewer_cut("pasted".into());
        screen.key(true, KEYS_CONTROL[0]);
        type_text(&screen, "v");
        type_text(&screen, "c");
        screen.key(false, KEYS_CONTROL[0]);
        assert_eq!(screen.typed(), "pasted");
        assert_eq!(cuts.recv().await.unwrap(), "pasted");
    }

    #[test]
    fn sizes_are_bounded_and_pictures_of_any_are_jpegs() {
        let screen = Screen::new("blue", "1");
        assert!(!screen.resize(10, 10) && !screen.resize(9000, 800));
        assert!(screen.resize(333, 77));
        assert_eq!((screen.frame().width, screen.frame().height), (333, 77));
        for width in [1, 100, 9000] {
            assert!(screen.jpeg(width).unwrap().starts_with(&[0xff, 0xd8, 0xff]));
        }
    }
}
