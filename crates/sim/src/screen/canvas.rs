//! Drawing the desktop: a gradient, a bar with name and clock, a window with text.

use super::font;

const BAR_HEIGHT: usize = 40;
const BAR: u32 = 0x20_24_2c;
const WINDOW: u32 = 0xf4_f2_ec;
const INK: u32 = 0x1c_1c_1c;
const PAPER: u32 = 0xff_ff_ff;
const CLICK: u32 = 0xe0_30_30;
const CLICK_HALF: usize = 6;

/// What is on the screen.
pub struct Picture {
    pub width: u16,
    pub height: u16,
    pub name: String,
    pub hue: u32,
    pub typed: String,
    pub click: Option<(u16, u16)>,
}

/// Pixels, `0xRRGGBB`, row after row.
pub struct Frame {
    pub width: u16,
    pub height: u16,
    pixels: Vec<u32>,
}

impl Picture {
    /// At a second since 1970.
    pub fn draw(&self, second: i64) -> Frame {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let mut frame = Frame { width: self.width, height: self.height, pixels: vec![0; width * height] };
        for (y, row) in frame.pixels.chunks_exact_mut(width.max(1)).enumerate() {
            row.fill(self.background(y, height));
        }
        frame.fill(0, 0, width, BAR_HEIGHT, BAR);
        frame.text(16, 10, 4, &self.name, PAPER);
        let day = second.rem_euclid(86_400);
        let clock = format!("{:02}:{:02}:{:02}", day / 3600, day / 60 % 60, day % 60);
        frame.text(width.saturating_sub(16 + font::width(&clock, 4)), 10, 4, &clock, PAPER);
        let (left, top) = (width / 5, height / 5);
        frame.fill(left, top, width * 3 / 5, height * 3 / 5, WINDOW);
        for (line, text) in self.typed.lines().enumerate() {
            frame.text(left + 16, top + 16 + line * 36, 5, text, INK);
        }
        if let Some((x, y)) = self.click {
            let (x, y) =
                (usize::from(x).saturating_sub(CLICK_HALF), usize::from(y).saturating_sub(CLICK_HALF));
            frame.fill(x, y, CLICK_HALF * 2, CLICK_HALF * 2, CLICK);
        }
        frame
    }

    /// Darker towards the bottom, in this desktop's own colour.
    fn background(&self, y: usize, height: usize) -> u32 {
        let shade = 160 - (y * 100).checked_div(height).unwrap_or(0) as u32;
        let part = |shift: u32| (40 + (self.hue >> shift) % 160) * shade / 160;
        part(0) << 16 | part(8) << 8 | part(16)
    }
}

impl Frame {
    fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: u32) {
        let own = usize::from(self.width);
        let (left, right) = (x.min(own), (x + width).min(own));
        for row in self.pixels.chunks_exact_mut(own.max(1)).skip(y).take(height) {
            if let Some(part) = row.get_mut(left..right) {
                part.fill(colour);
            }
        }
    }

    /// Letters of five rows, each dot a square of `dot` pixels.
    fn text(&mut self, x: usize, y: usize, dot: usize, text: &str, colour: u32) {
        for (place, letter) in text.chars().enumerate() {
            let left = x + place * font::ADVANCE * dot;
            for (column, row) in font::dots(letter) {
                self.fill(left + column * dot, y + row * dot, dot, dot, colour);
            }
        }
    }

    /// The parts of its rows that lie in a rectangle.
    pub fn rows(&self, x: usize, y: usize, width: usize, height: usize) -> impl Iterator<Item = &[u32]> {
        let rows = self.pixels.chunks_exact(usize::from(self.width).max(1)).skip(y).take(height);
        rows.filter_map(move |row| row.get(x..x + width))
    }

    /// Red, green, blue of every pixel of a smaller picture; the nearest, not the mean.
    pub fn scaled(&self, width: u16, height: u16) -> Vec<u8> {
        let mut rgb = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
        for y in 0..usize::from(height) {
            let from_y = y * usize::from(self.height) / usize::from(height.max(1));
            for x in 0..usize::from(width) {
                let from_x = x * usize::from(self.width) / usize::from(width.max(1));
                let pixel = self.pixels.get(from_y * usize::from(self.width) + from_x).copied().unwrap_or(0);
                let [_, red, green, blue] = pixel.to_be_bytes();
                rgb.extend([red, green, blue]);
            }
        }
        rgb
    }

    /// Whether two frames show something else in a rectangle.
    #[cfg(test)]
    pub fn differs_in(&self, other: &Frame, x: usize, y: usize, width: usize, height: usize) -> bool {
        !self.rows(x, y, width, height).eq(other.rows(x, y, width, height))
    }
}
