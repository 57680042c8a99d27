//! Looking and going inside a running desktop, through its door. Every time is logged for its owner.

mod file;
mod screen;
mod screenshot;

pub use file::{FileStream, ReadFileError};
pub use screen::ScreenStream;
