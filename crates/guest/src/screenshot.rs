//! A picture of display :1, scaled down, as a JPEG.
//!
//! Made for an emulated processor: the screen is fetched in bands, the next one asked for while
//! this one is averaged, and only the small picture is compressed.

mod scale;

use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};
use x11rb::connection::Connection;
use x11rb::cookie::Cookie;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::protocol::xproto::{ConnectionExt, GetImageReply, ImageFormat, ImageOrder, Screen, Setup};
use x11rb::rust_connection::RustConnection;

use scale::Scaler;

const DISPLAY: &str = ":1";
/// Rows fetched at a time: about 300 KB on a common screen.
const BAND_ROWS: u16 = 64;
const QUALITY: u8 = 75;
/// Bits and bytes of a pixel of every screen our templates start.
const DEPTH: u8 = 24;
const BITS_PER_PIXEL: u8 = 32;

#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    #[error("the display can't be reached")]
    Connect(#[from] ConnectError),
    #[error("the display went away")]
    Connection(#[from] ConnectionError),
    #[error("the display would not give its picture")]
    Reply(#[from] ReplyError),
    #[error("the display has no screen of {DEPTH} bits in little-endian order")]
    Format,
    #[error("the display gave less of its picture than asked for")]
    Short,
    #[error("the picture could not be compressed")]
    Encode(#[from] EncodingError),
}

/// The whole screen, at most `width` pixels wide and never enlarged.
pub fn take(width: u16) -> Result<Vec<u8>, ScreenshotError> {
    let (connection, number) = RustConnection::connect(Some(DISPLAY))?;
    let screen = usable_screen(connection.setup(), number).ok_or(ScreenshotError::Format)?;
    // Its size now, which since the start may have been changed.
    let geometry = connection.get_geometry(screen.root)?.reply()?;
    let mut scaler = Scaler::new(geometry.width, geometry.height, width);
    let mut asked = 0;
    let mut next = ask(&connection, screen, geometry.width, geometry.height, &mut asked)?;
    while let Some(band) = next {
        next = ask(&connection, screen, geometry.width, geometry.height, &mut asked)?;
        let reply = band.reply()?;
        for row in reply.data.chunks_exact(usize::from(geometry.width) * 4) {
            scaler.row(row);
        }
    }
    let picture = scaler.finish().ok_or(ScreenshotError::Short)?;
    let mut jpeg = Vec::with_capacity(64 * 1024);
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&picture.rgb, picture.width, picture.height, ColorType::Rgb)?;
    Ok(jpeg)
}

fn usable_screen(setup: &Setup, number: usize) -> Option<&Screen> {
    let format = setup.pixmap_formats.iter().find(|format| format.depth == DEPTH)?;
    let screen = setup.roots.get(number)?;
    let fits = screen.root_depth == DEPTH
        && format.bits_per_pixel == BITS_PER_PIXEL
        && setup.image_byte_order == ImageOrder::LSB_FIRST;
    fits.then_some(screen)
}

/// Asks for the next band, `None` when all have been asked for.
fn ask<'a>(
    connection: &'a RustConnection,
    screen: &Screen,
    width: u16,
    height: u16,
    asked: &mut u16,
) -> Result<Option<Cookie<'a, RustConnection, GetImageReply>>, ConnectionError> {
    let rows = BAND_ROWS.min(height.saturating_sub(*asked));
    if rows == 0 {
        return Ok(None);
    }
    let y = i16::try_from(*asked).unwrap_or(i16::MAX);
    let cookie = connection.get_image(ImageFormat::Z_PIXMAP, screen.root, 0, y, width, rows, u32::MAX)?;
    connection.flush()?;
    *asked = asked.saturating_add(rows);
    Ok(Some(cookie))
}
