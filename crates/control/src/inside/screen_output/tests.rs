use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::inside::screen_output::agreed::MEASURED;
use crate::inside::screen_output::*;

const WIDTH: u16 = 1280;
const HEIGHT: u16 = 800;
const TRUE_COLOUR: [u8; 16] = [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0];

fn agreed() -> Arc<Agreed> {
    let agreed = Arc::new(Agreed::default());
    agreed.chose(8);
    MEASURED.iter().for_each(|encoding| assert!(agreed.offers(*encoding)));
    agreed
}

fn init(width: u16, height: u16, name: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    [&size, TRUE_COLOUR.as_slice(), &name.to_be_bytes()].concat()
}

fn greeting() -> Vec<u8> {
    [b"RFB 003.008\n\x01\x01\0\0\0\0".to_vec(), init(WIDTH, HEIGHT, 4), b"desk".to_vec()].concat()
}

/// A server that has said hello.
fn greeted() -> Output {
    let mut output = Output::new(agreed());
    assert!(all(&mut output, &greeting()).is_ok());
    output
}

/// All that it paints, however often it has to be read.
fn all(output: &mut Output, mut bytes: &[u8]) -> Result<u64, BadServer> {
    let mut pixels = 0;
    while !bytes.is_empty() {
        let passed = output.read(bytes)?;
        bytes = &bytes[passed.bytes..];
        pixels += passed.pixels;
    }
    Ok(pixels)
}

fn rectangle(x: u16, y: u16, width: u16, height: u16, encoding: i32, data: &[u8]) -> Vec<u8> {
    let numbers = [x, y, width, height].map(u16::to_be_bytes).concat();
    [&numbers, encoding.to_be_bytes().as_slice(), data].concat()
}

fn update(rectangles: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(rectangles.len()).unwrap().to_be_bytes();
    [&[0, 0], count.as_slice(), &rectangles.concat()].concat()
}

fn one(encoding: i32, width: u16, height: u16, data: &[u8]) -> Vec<u8> {
    update(&[rectangle(0, 0, width, height, encoding, data)])
}

/// In seven, seven and eight bits.
fn compact(length: usize) -> Vec<u8> {
    let part = |shift: usize, mask: usize| u8::try_from((length >> shift) & mask).unwrap();
    match length {
        0..0x80 => vec![part(0, 0x7f)],
        0x80..0x4000 => vec![part(0, 0x7f) | 0x80, part(7, 0x7f)],
        _ => vec![part(0, 0x7f) | 0x80, part(7, 0x7f) | 0x80, part(14, 0xff)],
    }
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut picture = b"\xff\xd8\xff\xe0\0\x06JFIF\xff\xff\xdb\0\x03q\xff\xc0\0\x0b\x08".to_vec();
    picture.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    picture.extend(b"\x01\x01\x11\0\xff\xda\0\x02pixels\xff\xd9");
    picture
}

fn tight_jpeg(width: u16, height: u16, picture: &[u8]) -> Vec<u8> {
    one(TIGHT, width, height, &[&[0x90], compact(picture.len()).as_slice(), picture].concat())
}

fn cut(length: i32, rest: &[u8]) -> Vec<u8> {
    [&[3, 0, 0, 0], length.to_be_bytes().as_slice(), rest].concat()
}

fn clipboard(word: u32, rest: &[u8]) -> Vec<u8> {
    let length = -i32::try_from(rest.len() + 4).unwrap();
    cut(length, &[&word.to_be_bytes(), rest].concat())
}

fn packed(said: u32, length: usize) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&said.to_be_bytes()).unwrap();
    packer.write_all(&vec![b'x'; length]).unwrap();
    packer.finish().unwrap()
}

const GIVEN: u32 = 1 << 28 | 1;

/// One of each that a server may say.
fn everything() -> Vec<Vec<u8>> {
    let pixels = |count: usize| vec![7; count];
    vec![
        one(RAW, 3, 2, &pixels(24)),
        one(COPY, 100, 100, &[0, 1, 0, 2]),
        one(TIGHT, 500, 400, &[0x80, 1, 2, 3]),
        one(TIGHT, 2, 1, &[0, 1, 2, 3, 4, 5, 6]),
        one(TIGHT, 9, 1, &[&[0x40, 1, 1], pixels(6).as_slice(), &pixels(2)].concat()),
        one(TIGHT, 64, 64, &[&[0x40, 1, 1], pixels(6).as_slice(), &compact(300), &pixels(300)].concat()),
        one(
            TIGHT,
            64,
            64,
            &[&[0x50, 1, 9], pixels(30).as_slice(), &compact(20_000 / 5), &pixels(4000)].concat(),
        ),
        one(TIGHT, 200, 100, &[&[0x01], compact(20_000).as_slice(), &pixels(20_000)].concat()),
        one(TIGHT, 200, 100, &[&[0x60, 2], compact(100).as_slice(), &pixels(100)].concat()),
        tight_jpeg(64, 48, &jpeg(64, 48)),
        one(ZRLE, 64, 64, &[&[0, 0, 1, 0], pixels(256).as_slice()].concat()),
        update(&[
            rectangle(4, 5, 10, 3, POINTER, &pixels(10 * 3 * 4 + 2 * 3)),
            rectangle(4, 5, 2, 2, VMWARE_POINTER, &[&[1, 0], pixels(16).as_slice()].concat()),
            rectangle(4, 5, 2, 2, VMWARE_POINTER, &[&[0, 0], pixels(32).as_slice()].concat()),
            rectangle(0, 0, 0, 0, EXTENDED_KEYS, &[]),
            rectangle(0, 0, 0, 0, LEDS, &[1]),
            rectangle(0, 0, 0, 0, NAME, b"\0\0\0\x04name"),
            rectangle(
                0,
                0,
                640,
                480,
                EXTENDED_DESKTOP_SIZE,
                &[&[1, 0, 0, 0], pixels(16).as_slice()].concat(),
            ),
            rectangle(1, 3, 60_000, 60_000, EXTENDED_DESKTOP_SIZE, &[0; 4]),
            rectangle(0, 0, WIDTH, HEIGHT, DESKTOP_SIZE, &[]),
        ]),
        [
            vec![0, 0, 0xff, 0xff],
            rectangle(0, 0, 1, 1, RAW, &pixels(4)),
            rectangle(0, 0, 0, 0, LAST_RECTANGLE, &[]),
        ]
        .concat(),
        update(&[]),
        vec![1, 0, 0, 0, 0, 2, 1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3],
        vec![2],
        cut(5, b"hello"),
        clipboard(1 << 24 | 1, &[0, 0, 1, 0]),
        clipboard(1 << 27 | 1, &[]),
        clipboard(GIVEN, &packed(3000, 3000)),
        [vec![248, 0, 0, 0, 0, 0, 0, 1, 3], b"abc".to_vec()].concat(),
        vec![250, 0, 1, 0],
        vec![150],
    ]
}

#[test]
fn however_it_is_cut_what_a_server_may_say_passes() {
    let said = [greeting(), everything().concat()].concat();
    let whole = all(&mut Output::new(agreed()), &said).unwrap();
    assert!(whole > u64::from(WIDTH) * u64::from(HEIGHT));
    for cut in 1..40 {
        let mut output = Output::new(agreed());
        let mut pixels = 0;
        for piece in said.chunks(cut) {
            pixels += all(&mut output, piece).unwrap();
        }
        assert_eq!((output.step, output.rest, pixels), (Step::Message, 0, whole), "cut every {cut}");
    }
}

#[test]
fn older_versions_are_followed() {
    for (minor, greeting) in [(3, b"RFB 003.003\n\0\0\0\x01".as_slice()), (7, b"RFB 003.007\n\x01\x01")] {
        let agreed = agreed();
        agreed.chose(minor);
        let mut output = Output::new(agreed);
        let said = [greeting, &init(WIDTH, HEIGHT, 0), &everything().concat()].concat();
        assert!(all(&mut output, &said).is_ok());
        assert_eq!(output.step, Step::Message);
    }
    let refused = b"RFB 003.008\n\x01\x01\0\0\0\x01\0\0\0\x02no";
    let mut output = Output::new(agreed());
    assert!(all(&mut output, refused).is_ok());
    assert!(all(&mut output, b"x").is_err(), "that was its last word");
}

#[test]
fn a_server_that_greets_with_too_much_is_cut_off() {
    let hello = b"RFB 003.008\n\x01\x01\0\0\0\0".as_slice();
    let cases: [(&str, Vec<u8>); 7] = [
        ("another protocol", b"SSH-2.0-OpenS".to_vec()),
        ("a screen that is too wide", [hello, &init(8193, 1, 0)].concat()),
        ("a screen that is too high", [hello, &init(1, 65535, 0)].concat()),
        ("a name of 4 GiB", [hello, &init(WIDTH, HEIGHT, u32::MAX)].concat()),
        ("a name of 5 KiB", [hello, &init(WIDTH, HEIGHT, 5000)].concat()),
        ("a reason of 4 GiB", b"RFB 003.008\n\0\xff\xff\xff\xff".to_vec()),
        ("another reason of 4 GiB", b"RFB 003.008\n\x01\x01\0\0\0\x01\xff\xff\xff\xff".to_vec()),
    ];
    for (what, said) in cases {
        assert!(all(&mut Output::new(agreed()), &said).is_err(), "{what}");
    }
    let mut early = Output::new(Arc::default());
    assert!(all(&mut early, hello).is_err(), "it speaks before the viewer has chosen");
}

#[test]
fn a_server_that_says_too_much_is_cut_off() {
    let tight = |data: &[u8]| one(TIGHT, 2, 2, data);
    let cases = [
        ("an unknown message", vec![99]),
        ("a rectangle that is off the screen", update(&[rectangle(WIDTH, 0, 1, 1, RAW, &[])])),
        ("one that reaches beyond it", update(&[rectangle(1, 0, WIDTH, 1, RAW, &[])])),
        ("one of all that can be said", one(TIGHT, 65535, 65535, &[0x80])),
        ("one that wraps around", update(&[rectangle(65535, 0, 2, 1, RAW, &[])])),
        ("one of nothing", one(TIGHT, 0, 5, &[])),
        ("an encoding that is not known", one(5, 16, 16, &[])),
        ("a packing that is not known", tight(&[0xa0])),
        ("a filter that is not known", tight(&[0x40, 3])),
        ("more than it packs", tight(&[&[0], compact(1 << 20).as_slice()].concat())),
        ("nothing packed", tight(&[0, 0])),
        ("much more than it packs", one(ZRLE, 8, 8, &[0xff, 0xff, 0xff, 0xff])),
        ("nothing packed at all", one(ZRLE, 8, 8, &[0, 0, 0, 0])),
        ("a pointer of a wall's size", one(POINTER, 1025, 1, &[])),
        ("another such pointer", one(VMWARE_POINTER, 1, 1025, &[])),
        ("a screen that grows too large", one(DESKTOP_SIZE, 8193, 8193, &[])),
        ("another such screen", one(EXTENDED_DESKTOP_SIZE, 65535, 1, &[])),
        ("a long name", one(NAME, 0, 0, &[0xff, 0xff, 0xff, 0xff])),
        ("a text of 2 GiB", cut(i32::MAX, &[])),
        ("a text of 5 MiB", cut(5 << 20, &[])),
        ("a clipboard of 2 GiB", cut(i32::MIN, &[])),
        ("a clipboard without a kind", cut(-3, &[])),
        ("a kind that has no length", clipboard(1 << 26, &[0; 8])),
        ("sizes that are left out", clipboard(1 << 24 | 3, &[0; 4])),
        ("a clipboard that is not text", clipboard(1 << 28 | 2, &packed(1, 1))),
        ("a clipboard that says 2 GiB", clipboard(GIVEN, &packed(i32::MAX as u32, 10))),
        ("a clipboard that unpacks to much", clipboard(GIVEN, &packed(1 << 20, 64 << 20))),
        ("a clipboard that is not packed", clipboard(GIVEN, b"no zlib here")),
        ("a fence of 65 bytes", vec![248, 0, 0, 0, 0, 0, 0, 0, 65]),
        ("a picture larger than its place", tight_jpeg(64, 64, &jpeg(65, 64))),
        ("a picture of all that can be said", tight_jpeg(64, 64, &jpeg(65535, 65535))),
        ("a picture without a height", tight_jpeg(64, 64, &jpeg(64, 0))),
        ("a picture of another kind", tight_jpeg(64, 64, b"\x89PNG\r\n\x1a\n")),
        ("pixels before their size", tight_jpeg(64, 64, b"\xff\xd8\xff\xda\0\x02..")),
        ("two pictures in one", tight_jpeg(64, 64, b"\xff\xd8\xff\xd8")),
    ];
    for (what, said) in cases {
        assert!(all(&mut greeted(), &said).is_err(), "{what}");
        let mut slowly = greeted();
        assert!(said.iter().any(|byte| all(&mut slowly, &[*byte]).is_err()), "{what}, a byte at a time");
    }
}

/// A viewer that has not asked for an encoding may take its bytes for something else.
#[test]
fn what_was_not_offered_is_refused() {
    for encoding in MEASURED {
        let agreed = Arc::new(Agreed::default());
        agreed.chose(8);
        let mut output = Output::new(agreed);
        all(&mut output, &greeting()).unwrap();
        assert!(all(&mut output, &one(encoding, 1, 1, &[])).is_err(), "{encoding}");
    }
}

#[test]
fn what_a_pixel_is_decides_how_long_a_rectangle_is() {
    let agreed = agreed();
    let mut output = Output::new(agreed.clone());
    all(&mut output, &greeting()).unwrap();
    agreed.paints(&[16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0]);
    let said = [one(RAW, 3, 2, &[7; 12]), one(TIGHT, 2, 2, &[0x80, 1, 2]), vec![2]].concat();
    all(&mut output, &said).unwrap();
    assert_eq!((output.step, output.rest), (Step::Message, 0));
}

/// A few bytes fill the screen; a viewer that got thousands of them at once would stand still.
#[test]
fn what_is_painted_over_and_over_goes_on_in_slices() {
    let mut output = greeted();
    let fill = rectangle(0, 0, WIDTH, HEIGHT, TIGHT, &[0x80, 1, 2, 3]);
    let said = update(&vec![fill.clone(); 10_000]);
    let passed = output.read(&said).unwrap();
    assert!(passed.bytes < said.len() / 100, "{passed:?}");
    assert!((SLICE..SLICE * 2).contains(&passed.pixels), "{passed:?}");
    let resizes = update(&vec![rectangle(0, 0, 8192, 8192, DESKTOP_SIZE, &[]); 100]);
    let passed = greeted().read(&resizes).unwrap();
    assert!(passed.bytes < 20, "a new size is painted too: {passed:?}");
}

mod anything {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes, wherever it is cut: the same is said of it, and nothing is kept.
        #[test]
        fn is_read_alike_in_one_and_in_pieces(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
            order in prop::collection::vec(0..25_usize, 0..12),
            cut in 1..50_usize,
        ) {
            let known = everything();
            let said: Vec<u8> = order.iter().filter_map(|at| known.get(*at)).flatten().chain(&bytes).copied().collect();
            let mut whole = greeted();
            let in_one = all(&mut whole, &said);
            let mut pieces = greeted();
            let mut in_pieces = Ok(0);
            for piece in said.chunks(cut) {
                in_pieces = in_pieces.and_then(|so_far| Ok(so_far + all(&mut pieces, piece)?));
                prop_assert!(pieces.head.len() < 20);
            }
            prop_assert_eq!(in_one, in_pieces);
        }
    }
}
