//! What is written as an async method is one, in a box.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use rolltop_boxed::boxed;

struct Words<'a>(&'a str);

/// Says when it goes.
struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[boxed]
impl Words<'_> {
    pub async fn longer_than(&self, other: &str, mut most: usize) -> Result<usize, std::num::ParseIntError> {
        let length: usize = other.parse()?;
        most += length;
        Ok(self.0.len().min(most))
    }

    pub async fn guarded(&self, _guard: Guard<'_>, is_gone: &AtomicBool) -> bool {
        std::future::ready(()).await;
        is_gone.load(Ordering::Relaxed)
    }

    pub async fn generic<T: Default>(&self) -> T {
        T::default()
    }
}

#[boxed]
async fn nothing(words: &Words<'_>) {
    assert!(!words.0.is_empty());
}

/// None of these waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("none of these waits"),
    }
}

fn is_sent<T: Send>(value: T) -> T {
    value
}

#[test]
fn they_are_boxed_and_do_what_they_say() {
    let words = Words("four");
    assert_eq!(now(is_sent(words.longer_than("1", 1))), Ok(2));
    assert!(now(words.longer_than("one", 1)).is_err());
    assert_eq!(now(words.generic::<u8>()), 0);
    now(nothing(&words));
    let future = words.longer_than("1", 1);
    assert_eq!(size_of_val(&future), 2 * size_of::<usize>(), "a box of a trait");
    drop(future);
}

#[test]
fn what_is_not_read_lives_as_long_as_the_call() {
    let is_gone = AtomicBool::new(false);
    let call = Words("four").guarded(Guard(&is_gone), &is_gone);
    assert!(!now(call), "while it is under way");
    assert!(is_gone.into_inner());
}
