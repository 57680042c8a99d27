//! A drawn desktop, so that pages look as they will: wallpaper, panel, a terminal and a window.

use jpeg_encoder::{ColorType, Encoder};

type Rgb = [u8; 3];

pub struct Picture {
    pub width: u16,
    pub height: u16,
    pub pixels: Vec<u8>,
}

/// A screen of this size; `seed` changes its colours.
pub fn draw(width: u16, height: u16, seed: u32) -> Picture {
    let mut picture =
        Picture { width, height, pixels: vec![0; usize::from(width) * usize::from(height) * 3] };
    let tints: [[f32; 3]; 3] = [[0.15, 0.28, 0.36], [0.36, 0.22, 0.2], [0.17, 0.3, 0.2]];
    let tint = tints[seed as usize % tints.len()];
    let (w, h) = (f32::from(width), f32::from(height));
    for y in 0..height {
        for x in 0..width {
            let (fx, fy) = (f32::from(x) / w, f32::from(y) / h);
            let wave = ((fx * 5.0 + (fy * 7.0 + seed as f32).sin() * 0.6).sin() * 0.5 + 0.5) * 0.25;
            let light = 0.55 + 0.6 * (1.0 - fy) + wave;
            let colour = tint.map(|part| ((part * light) * 255.0).clamp(0.0, 255.0) as u8);
            picture.set(x, y, colour);
        }
    }
    let unit = (h / 100.0).max(1.0);
    let at = |fx: f32, fy: f32, fw: f32, fh: f32| {
        ((fx * w) as u16, (fy * h) as u16, (fw * w) as u16, (fh * h) as u16)
    };
    picture.fill((0, 0, width, (unit * 3.4) as u16), [32, 34, 38]);
    picture.fill(
        ((unit * 1.2) as u16, (unit * 0.9) as u16, (unit * 9.0) as u16, (unit * 1.6) as u16),
        [90, 160, 220],
    );
    picture.window(at(0.08, 0.14, 0.48, 0.6), unit, [24, 26, 30], [70, 76, 84], true);
    if seed.is_multiple_of(2) {
        picture.window(at(0.44, 0.3, 0.48, 0.58), unit, [246, 246, 244], [70, 76, 84], false);
    }
    picture
}

impl Picture {
    pub fn jpeg(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes, 80)
            .encode(&self.pixels, self.width, self.height, ColorType::Rgb)
            .expect("a picture");
        bytes
    }

    fn set(&mut self, x: u16, y: u16, colour: Rgb) {
        let place = (usize::from(y) * usize::from(self.width) + usize::from(x)) * 3;
        if let Some(pixel) = self.pixels.get_mut(place..place + 3) {
            pixel.copy_from_slice(&colour);
        }
    }

    fn fill(&mut self, (x, y, w, h): (u16, u16, u16, u16), colour: Rgb) {
        for row in y..(y + h).min(self.height) {
            for column in x..(x + w).min(self.width) {
                self.set(column, row, colour);
            }
        }
    }

    fn window(&mut self, area: (u16, u16, u16, u16), unit: f32, ground: Rgb, bar: Rgb, terminal: bool) {
        let (x, y, w, h) = area;
        let bar_height = (unit * 3.4) as u16;
        self.fill(area, ground);
        self.fill((x, y, w, bar_height), bar);
        let line = (unit * 1.0).max(1.0) as u16;
        let lines = (f32::from(h.saturating_sub(bar_height)) / (unit * 2.8)) as u16;
        for number in 0..lines.saturating_sub(1) {
            let top = y + bar_height + (unit * 1.6) as u16 + (f32::from(number) * unit * 2.8) as u16;
            let share = 0.25 + f32::from((number * 37) % 60) / 100.0;
            let colour = match (terminal, number % 4) {
                (true, 0) => [110, 200, 130],
                (true, _) => [190, 194, 198],
                (false, 0) => [60, 64, 70],
                (false, _) => [176, 178, 180],
            };
            self.fill((x + (unit * 2.0) as u16, top, (f32::from(w) * share) as u16, line), colour);
        }
    }
}
