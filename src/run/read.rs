//! Reading back: copies ride in the submission that computes, mapping is asynchronous, and only native programs may block.

use super::Inner;
use super::fault::{Letter, Outcome, Scopes, Ticket};
use super::memory::{Buffer, Raw};
use crate::error::{Error, Result, Site};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

type Mapped = Result<(), wgpu::BufferAsyncError>;

/// A read-back buffer that a submission is to fill.
pub(super) struct Staged {
    raw: Option<Raw>,
    bytes: u64,
    tickets: Vec<Arc<Ticket>>,
}

impl Staged {
    /// For `bytes` of what `ticket` stands for; nothing is copied where there are no bytes.
    pub fn new(inner: &Inner, bytes: u64, ticket: Arc<Ticket>) -> Result<Self> {
        let mut checks = Vec::new();
        let raw = if bytes == 0 { None } else { Some(inner.staging(words(bytes), &mut checks)?) };
        let mut tickets = vec![ticket];
        if !checks.is_empty() {
            tickets.push(Ticket::waiting(checks, Vec::new()));
        }
        Ok(Self { raw, bytes, tickets })
    }

    pub fn is_empty(&self) -> bool {
        self.raw.is_none()
    }

    /// Records the copy.
    pub fn copy(&self, encoder: &mut wgpu::CommandEncoder, buffer: &Buffer, site: Site) -> Result<()> {
        let Some(raw) = &self.raw else { return Ok(()) };
        if !buffer.wgpu().usage().contains(wgpu::BufferUsages::COPY_SRC) {
            return Err(Error::argument(
                "read",
                format!("the imported buffer's usages are {:?}", buffer.wgpu().usage()),
                "create it with BufferUsages::COPY_SRC, or read a result computed from it",
                site,
            ));
        }
        self.copy_raw(encoder, buffer.wgpu(), buffer.offset, raw);
        Ok(())
    }

    /// Records the copy from a buffer that is no tensor's.
    pub fn copy_from(&self, encoder: &mut wgpu::CommandEncoder, buffer: &wgpu::Buffer) {
        if let Some(raw) = &self.raw {
            self.copy_raw(encoder, buffer, 0, raw);
        }
    }

    fn copy_raw(&self, encoder: &mut wgpu::CommandEncoder, buffer: &wgpu::Buffer, offset: u64, raw: &Raw) {
        encoder.copy_buffer_to_buffer(buffer, offset, &raw.buffer, 0, words(self.bytes));
    }

    /// The read depends on this outcome too.
    pub fn depend(&mut self, ticket: &Arc<Ticket>) {
        self.tickets.push(ticket.clone());
    }

    /// Starts mapping; to be called after the submission.
    pub fn read(self, inner: &Arc<Inner>, index: Option<wgpu::SubmissionIndex>) -> Reading {
        let letter = Letter::new();
        let mut tickets = self.tickets;
        if let Some(raw) = &self.raw {
            let answer = letter.clone();
            let scopes = Scopes::push(&inner.device);
            raw.buffer.map_async(wgpu::MapMode::Read, ..words(self.bytes), move |mapped| answer.send(mapped));
            match inner.seen(scopes.pop("read-back", self.bytes)) {
                Outcome::Fine => {}
                Outcome::Failed(error) => tickets.push(Ticket::done(Err(Arc::new(error)))),
                Outcome::Unknown(checks) => tickets.push(Ticket::waiting(checks, Vec::new())),
            }
        }
        Reading { inner: inner.clone(), raw: self.raw, bytes: self.bytes, letter, tickets, index, driven: false }
    }
}

/// Bytes rounded up to whole words.
fn words(bytes: u64) -> u64 {
    bytes.div_ceil(4) * 4
}

/// Bytes on their way from the device; a future, and natively also something to wait for.
///
/// The work has been submitted already: dropping this cancels nothing but the copy to the host.
#[must_use = "await it or wait for it"]
pub struct Reading {
    inner: Arc<Inner>,
    raw: Option<Raw>,
    bytes: u64,
    letter: Arc<Letter<Mapped>>,
    tickets: Vec<Arc<Ticket>>,
    index: Option<wgpu::SubmissionIndex>,
    /// Whether somebody polls the device for us.
    driven: bool,
}

impl Reading {
    fn finish(&mut self, mapped: Mapped) -> Result<Vec<u8>> {
        let Some(raw) = self.raw.take() else { return Ok(Vec::new()) };
        if mapped.is_err() {
            self.inner.probe()?;
            return Err(Error::Validation { label: "read-back".into(), message: "the buffer was not mapped".into() });
        }
        let bytes = match raw.buffer.get_mapped_range(..words(self.bytes)) {
            Ok(view) => view[..self.bytes as usize].to_vec(),
            Err(error) => {
                self.inner.probe()?;
                return Err(Error::Validation { label: "read-back".into(), message: error.to_string() });
            }
        };
        raw.buffer.unmap();
        self.inner.pool.put_staging(raw);
        Ok(bytes)
    }

    /// The failure of the work that computes the bytes: [`Error::DeviceLost`] plainly, anything else as poison.
    fn failed(cause: Arc<Error>) -> Error {
        match &*cause {
            Error::DeviceLost { .. } => (*cause).clone(),
            _ => Error::Poisoned(cause),
        }
    }

    /// Waits for the bytes. Polls the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn wait(mut self) -> Result<Vec<u8>> {
        for ticket in &self.tickets {
            if let Some(Err(cause)) = ticket.now() {
                return Err(Self::failed(cause));
            }
        }
        if self.raw.is_none() {
            return Ok(Vec::new());
        }
        drive(&self.inner, self.index.take(), &self.letter);
        match self.letter.take(std::time::Duration::ZERO) {
            Some(mapped) => self.finish(mapped),
            None => {
                self.inner.probe()?;
                Err(Error::DeviceLost { reason: "a read-back was never completed".into() })
            }
        }
    }
}

/// Polls until the letter has come. Another thread that polls may have picked up the callback: give it time to deliver.
#[cfg(not(target_arch = "wasm32"))]
fn drive(inner: &Inner, index: Option<wgpu::SubmissionIndex>, letter: &Letter<Mapped>) {
    const PATIENCE: std::time::Duration = std::time::Duration::from_millis(10);
    for round in 0..1000 {
        // an index of a failed submission cannot be waited for: wait for everything then
        let submission_index = index.clone().filter(|_| round == 0);
        inner.poll(wgpu::PollType::Wait { submission_index, timeout: None });
        if letter.has_come(if round == 0 { std::time::Duration::ZERO } else { PATIENCE }) || inner.alive().is_err() {
            return;
        }
    }
}

impl Future for Reading {
    type Output = Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = false;
        for ticket in &self.tickets {
            match ticket.poll(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(cause)) => return Poll::Ready(Err(Self::failed(cause))),
                Poll::Pending => waiting = true,
            }
        }
        if waiting {
            return Poll::Pending;
        }
        if self.raw.is_none() {
            return Poll::Ready(Ok(Vec::new()));
        }
        #[cfg(not(target_arch = "wasm32"))]
        if !self.driven {
            self.inner.poll(wgpu::PollType::Poll);
        }
        match self.letter.poll(cx) {
            Poll::Ready(mapped) => Poll::Ready(self.finish(mapped)),
            Poll::Pending => {
                self.drive();
                Poll::Pending
            }
        }
    }
}

impl Reading {
    /// Natively nothing happens on a device unless somebody polls it; a thread does until the bytes are there.
    #[cfg(not(target_arch = "wasm32"))]
    fn drive(&mut self) {
        if std::mem::replace(&mut self.driven, true) {
            return;
        }
        let (inner, letter, index) = (self.inner.clone(), self.letter.clone(), self.index.take());
        let work = move || {
            drive(&inner, index, &letter);
            // has no effect where the callback has been called
            letter.send(Err(wgpu::BufferAsyncError));
        };
        if let Err(error) = std::thread::Builder::new().name("ridgepoint read-back".into()).spawn(work) {
            let label = "read-back".to_owned();
            let message = format!("no thread to wait for the device: {error}");
            self.tickets.push(Ticket::done(Err(Arc::new(Error::Validation { label, message }))));
        }
    }

    /// In a browser the event loop does it.
    #[cfg(target_arch = "wasm32")]
    fn drive(&mut self) {
        self.driven = true;
    }
}
