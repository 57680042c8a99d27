//! Averaging boxes of pixels, row by row, so that the large picture is never held.

/// Sums up pixels of one output row until its box is full.
pub struct Scaler {
    source_width: usize,
    source_height: usize,
    width: usize,
    height: usize,
    /// Input rows taken.
    taken: usize,
    /// Output rows done.
    done: usize,
    /// Input rows summed up in `sums`.
    summed: u64,
    /// One per output column: red and blue in the halves of the first, green in the second.
    sums: Vec<(u64, u64)>,
    /// Input columns of each output column.
    columns: Vec<usize>,
    rgb: Vec<u8>,
}

/// Rows of red, green, blue.
pub struct Picture {
    pub width: u16,
    pub height: u16,
    pub rgb: Vec<u8>,
}

impl Scaler {
    /// From a screen's size to a picture at most `width` wide, of the same shape.
    pub fn new(source_width: u16, source_height: u16, width: u16) -> Self {
        let (source_width, source_height) = (usize::from(source_width), usize::from(source_height));
        let width = usize::from(width).clamp(1, source_width.max(1));
        let height = (source_height * width).checked_div(source_width).unwrap_or(0).max(1);
        let columns = (0..width).map(|x| edge(x + 1, source_width, width) - edge(x, source_width, width));
        Self {
            source_width,
            source_height,
            width,
            height,
            taken: 0,
            done: 0,
            summed: 0,
            sums: vec![(0, 0); width],
            columns: columns.collect(),
            rgb: Vec::with_capacity(width * height * 3),
        }
    }

    /// The next row, four bytes a pixel: blue, green, red, nothing.
    pub fn row(&mut self, row: &[u8]) {
        if self.taken >= self.source_height {
            return;
        }
        let mut pixels = row.as_chunks::<4>().0;
        for (sum, columns) in self.sums.iter_mut().zip(&self.columns) {
            let Some((box_pixels, rest)) = pixels.split_at_checked(*columns) else { break };
            pixels = rest;
            for pixel in box_pixels {
                let pixel = u64::from(u32::from_le_bytes(*pixel));
                sum.0 += (pixel & 0xff) | (pixel & 0xff_0000) << 16;
                sum.1 += pixel >> 8 & 0xff;
            }
        }
        self.taken += 1;
        self.summed += 1;
        if self.taken == edge(self.done + 1, self.source_height, self.height) {
            self.put();
        }
    }

    /// The picture, `None` if rows were missing.
    pub fn finish(self) -> Option<Picture> {
        let complete = self.taken == self.source_height && self.done == self.height && self.source_width > 0;
        let (width, height) = (u16::try_from(self.width).ok()?, u16::try_from(self.height).ok()?);
        complete.then_some(Picture { width, height, rgb: self.rgb })
    }

    fn put(&mut self) {
        for (sum, columns) in self.sums.iter_mut().zip(&self.columns) {
            let count = self.summed * *columns as u64;
            let mean = |sum: u64| u8::try_from(sum.checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX);
            self.rgb.extend([mean(sum.0 >> 32), mean(sum.1), mean(sum.0 & 0xffff_ffff)]);
            *sum = (0, 0);
        }
        self.summed = 0;
        self.done += 1;
    }
}

/// Where box number `index` of `boxes` begins on a line of `length`.
fn edge(index: usize, length: usize, boxes: usize) -> usize {
    (index * length).checked_div(boxes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(source: (u16, u16), width: u16, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Picture {
        let mut scaler = Scaler::new(source.0, source.1, width);
        for y in 0..usize::from(source.1) {
            let row: Vec<u8> = (0..usize::from(source.0))
                .flat_map(|x| {
                    let [r, g, b] = pixel(x, y);
                    [b, g, r, 0xee]
                })
                .collect();
            scaler.row(&row);
        }
        scaler.finish().unwrap()
    }

    #[test]
    fn colours_keep_their_places_and_are_averaged() {
        let picture = scaled((4, 2), 2, |x, _| if x < 2 { [200, 100, 50] } else { [0, x as u8 * 10, 255] });
        assert_eq!((picture.width, picture.height), (2, 1));
        assert_eq!(picture.rgb, [200, 100, 50, 0, 25, 255]);
    }

    #[test]
    fn any_size_gives_a_whole_picture_of_one_colour() {
        for source in [(640, 400), (1366, 67), (1, 1), (7, 900)] {
            for width in [1, 64, 479, 5000] {
                let picture = scaled(source, width, |_, _| [255, 1, 254]);
                assert!(picture.width <= source.0 && picture.width <= width.max(1));
                assert_eq!(picture.rgb.len(), usize::from(picture.width) * usize::from(picture.height) * 3);
                assert!(picture.rgb.chunks(3).all(|pixel| pixel == [255, 1, 254]), "{source:?} {width}");
            }
        }
    }

    #[test]
    fn missing_rows_are_noticed() {
        let mut scaler = Scaler::new(4, 4, 2);
        scaler.row(&[0; 16]);
        assert!(scaler.finish().is_none());
    }
}
