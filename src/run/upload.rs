//! Buffers from the outside: allocation, upload, import; and the way out without a copy, [`Slice`].

use super::Inner;
use super::entry::State;
use super::fault::{Check, Outcome, Scopes, Ticket, lock};
use super::memory::{Buffer, GRAIN, Held, Raw, grains};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Data, Node};
use crate::shape::Shape;
use std::sync::Arc;

/// The elements of a tensor in its buffer, for a program's own passes.
///
/// The handle keeps the buffer alive and out of the pool; the contents stay as they are as long as nobody else writes.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The buffer.
    pub buffer: wgpu::Buffer,
    /// Where the elements begin.
    pub offset: u64,
    /// Bytes of the elements.
    pub bytes: u64,
}

impl Slice {
    /// As a slice of the buffer.
    #[must_use]
    pub fn slice(&self) -> wgpu::BufferSlice<'_> {
        self.buffer.slice(self.offset..self.offset + self.bytes)
    }

    /// As a binding, rounded up to whole words. (An empty tensor binds its buffer's first bytes.)
    #[must_use]
    pub fn binding(&self) -> wgpu::BindingResource<'_> {
        let bytes = self.bytes.max(4).div_ceil(4) * 4;
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: self.offset,
            size: wgpu::BufferSize::new(bytes),
        })
    }
}

/// What storage a node has here.
pub(super) fn storage(data: &Data) -> Option<&Buffer> {
    data.0.as_any().downcast_ref::<Buffer>()
}

impl Inner {
    /// A buffer for `bytes`, from the pool if it has one. `checks` collects what is known only later.
    pub fn allocate(&self, bytes: u64, checks: &mut Vec<Check>, what: impl Fn() -> String) -> Result<Buffer> {
        self.fits(bytes, &what)?;
        match self.pool.take(self.pool.class(bytes)) {
            Some(raw) => Ok(Buffer::own(&self.pool, raw, bytes, self.fine.clone())),
            None => self.create(bytes, false, checks, &what),
        }
    }

    /// The board, with room for `bytes`. wgpu makes buffers zero, and every dispatch that uses the board leaves it zero; it
    /// never goes to the pool, for commands that a caller has yet to submit may refer to one that has been outgrown.
    pub fn board(&self, state: &mut State, bytes: u64) -> Result<Held> {
        if let Some(board) = &state.board
            && board.bytes >= bytes
            && !matches!(board.ticket.now(), Some(Err(_)))
        {
            return Ok(board.clone());
        }
        let what = || "the board on which workgroups leave partial results".to_owned();
        self.fits(bytes, &what)?;
        let room = bytes.next_power_of_two().clamp(4096, self.summary.limits.binding_bytes.max(4096));
        let mut checks = Vec::new();
        let buffer = self.create(room, false, &mut checks, &what)?;
        buffer.spoil();
        let board = Held::new(buffer.filled_by(self.ticket(checks, Vec::new())));
        state.board = Some(board.clone());
        Ok(board)
    }

    fn fits(&self, bytes: u64, what: &impl Fn() -> String) -> Result<()> {
        let limit = self.summary.limits.binding_bytes;
        if grains(bytes) <= limit {
            return Ok(());
        }
        Err(Error::Limit {
            what: format!("the size in bytes of {}", what()),
            value: grains(bytes),
            limit,
            hint: format!("device {} binds no more at once; split the tensor", self.summary.name),
        })
    }

    /// A new buffer. Where there is no memory for it, what the pool holds may be enough.
    fn create(&self, bytes: u64, mapped: bool, checks: &mut Vec<Check>, what: &impl Fn() -> String) -> Result<Buffer> {
        match self.try_create(bytes, mapped, checks, what) {
            Err(Error::OutOfMemory { .. }) => {
                self.pool.trim();
                self.tend();
                self.try_create(bytes, mapped, checks, what)
            }
            other => other,
        }
    }

    fn try_create(
        &self,
        bytes: u64,
        mapped: bool,
        checks: &mut Vec<Check>,
        what: &impl Fn() -> String,
    ) -> Result<Buffer> {
        let class = self.pool.class(bytes);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let scopes = Scopes::push(&self.device);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ridgepoint"),
            size: class,
            usage: usage | self.usages,
            mapped_at_creation: mapped,
        });
        match self.seen(scopes.pop("allocate", class)) {
            Outcome::Fine => {}
            Outcome::Unknown(more) => checks.extend(more),
            Outcome::Failed(Error::OutOfMemory { bytes, .. }) => {
                return Err(Error::OutOfMemory { what: what(), bytes });
            }
            Outcome::Failed(error) => return Err(error),
        }
        self.pool.created(class);
        let raw = Raw { buffer, id: self.pool.id(), class };
        Ok(Buffer::own(&self.pool, raw, bytes, self.fine.clone()))
    }

    /// Uploads elements. Neither submits nor polls: the copy rides with whatever is submitted next.
    pub fn upload(&self, bytes: &[u8], what: impl Fn() -> String) -> Result<Data> {
        self.alive()?;
        let mut checks = Vec::new();
        let length = bytes.len() as u64;
        let buffer = match self.pool.take(self.pool.class(length)) {
            Some(raw) => {
                let buffer = Buffer::own(&self.pool, raw, length, self.fine.clone());
                self.write(buffer.wgpu(), bytes, &mut checks, &what)?;
                buffer
            }
            None => self.upload_new(bytes, &mut checks, &what)?,
        };
        let ticket = self.ticket(checks, Vec::new());
        Ok(Held::new(buffer.filled_by(ticket)).data())
    }

    /// Into a buffer that exists: queued, so after everything submitted that may still use it.
    pub fn write(
        &self,
        buffer: &wgpu::Buffer,
        bytes: &[u8],
        checks: &mut Vec<Check>,
        what: &impl Fn() -> String,
    ) -> Result<()> {
        let whole = bytes.len() / 4 * 4;
        let mut tail = [0u8; 4];
        tail[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
        let scopes = Scopes::push(&self.device);
        if whole > 0 {
            self.queue.write_buffer(buffer, 0, &bytes[..whole]);
        }
        if whole < bytes.len() {
            self.queue.write_buffer(buffer, whole as u64, &tail);
        }
        match self.seen(scopes.pop("upload", bytes.len() as u64)) {
            Outcome::Fine => Ok(()),
            Outcome::Unknown(more) => {
                checks.extend(more);
                Ok(())
            }
            Outcome::Failed(Error::OutOfMemory { bytes, .. }) => Err(Error::OutOfMemory { what: what(), bytes }),
            Outcome::Failed(error) => Err(error),
        }
    }

    fn upload_new(&self, bytes: &[u8], checks: &mut Vec<Check>, what: &impl Fn() -> String) -> Result<Buffer> {
        let length = bytes.len() as u64;
        self.fits(length, what)?;
        let buffer = self.create(length, true, checks, what)?;
        match buffer.wgpu().get_mapped_range_mut(..) {
            Ok(mut view) => view.slice(..bytes.len()).copy_from_slice(bytes),
            // only a lost device gives no mapping here
            Err(error) => {
                buffer.spoil();
                self.probe()?;
                return Err(Error::Validation { label: what(), message: error.to_string() });
            }
        }
        let scopes = Scopes::push(&self.device);
        buffer.wgpu().unmap();
        match self.seen(scopes.pop("upload", length)) {
            Outcome::Fine => {}
            Outcome::Unknown(more) => checks.extend(more),
            Outcome::Failed(error) => {
                buffer.spoil();
                return Err(error);
            }
        }
        Ok(buffer)
    }

    /// Storage over a caller's buffer. `site` is the caller's line.
    pub fn import(&self, buffer: &wgpu::Buffer, offset: u64, shape: &Shape, dtype: DType, site: Site) -> Result<Data> {
        self.alive()?;
        let limits = &self.summary.limits;
        let refuse = |message: String, hint: String| Err(Error::argument("import", message, hint, site));
        if !buffer.usage().contains(wgpu::BufferUsages::STORAGE) {
            return refuse(
                format!("the buffer's usages are {:?}", buffer.usage()),
                "create it with BufferUsages::STORAGE (and COPY_SRC if the tensor is to be read)".into(),
            );
        }
        if !offset.is_multiple_of(limits.storage_alignment) {
            return refuse(
                format!("offset {offset}"),
                format!("offsets must be multiples of the device's storage alignment, {}", limits.storage_alignment),
            );
        }
        let bytes = (shape.elements() as u64).saturating_mul(dtype.bytes());
        let bound = bytes.max(4).div_ceil(4) * 4;
        if offset.checked_add(bound).is_none_or(|end| end > buffer.size()) {
            return refuse(
                format!("{dtype}{shape} at offset {offset} takes {bound} bytes, the buffer has {}", buffer.size()),
                "bindings are whole words; give a smaller shape or a larger buffer".into(),
            );
        }
        if bound > limits.binding_bytes {
            return Err(Error::Limit {
                what: format!("the size in bytes of the imported {dtype}{shape}"),
                value: bound,
                limit: limits.binding_bytes,
                hint: format!("device {} binds no more at once; import it in parts", self.summary.name),
            });
        }
        let checks = self.try_binding(buffer, offset, bound)?;
        let ticket = self.ticket(checks, Vec::new());
        Ok(Held::new(Buffer::import(&self.pool, buffer.clone(), offset, bytes, ticket)).data())
    }

    /// Binds a foreign buffer once, so that one of another device or a destroyed one is refused at once.
    fn try_binding(&self, buffer: &wgpu::Buffer, offset: u64, bytes: u64) -> Result<Vec<Check>> {
        let mut state = lock(&self.state);
        let scopes = Scopes::push(&self.device);
        let layout = state.pipelines.layout(&self.device, &[crate::kernel::Access::Read]);
        let _group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ridgepoint import"),
            layout: &layout.raw,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset,
                    size: wgpu::BufferSize::new(bytes),
                }),
            }],
        });
        match self.seen(scopes.pop("import", bytes)) {
            Outcome::Fine => Ok(Vec::new()),
            Outcome::Unknown(checks) => Ok(checks),
            Outcome::Failed(error) => Err(error),
        }
    }

    /// The buffer of a realised node.
    pub fn export(&self, node: &Node) -> Result<Slice> {
        let Some(data) = node.value() else {
            return Err(Error::argument(
                "buffer",
                format!("{node:?} has not been computed"),
                "call `eval` or `Device::encode` first",
                node.site(),
            ));
        };
        let buffer = self.usable(data, true, node.site())?;
        Ok(Slice { buffer: buffer.share().clone(), offset: buffer.offset, bytes: buffer.bytes })
    }

    /// The storage of `data` if it is of this device and not poisoned. What a caller's encoder is to write is usable only
    /// where commands are recorded, not where we submit on our own.
    pub fn usable<'a>(&self, data: &'a Data, recording: bool, site: Site) -> Result<&'a Buffer> {
        let Some(buffer) = storage(data).filter(|b| b.of(&self.pool)) else {
            return Err(Error::argument(
                "evaluate",
                "the tensor holds elements of another device".to_owned(),
                "read it and upload it to this device",
                site,
            ));
        };
        if let Some(Err(cause)) = buffer.ticket.now() {
            return Err(Error::Poisoned(cause));
        }
        if !recording && buffer.is_unready() {
            return Err(Error::argument(
                "evaluate",
                "the tensor's commands were recorded into an encoder that is not known to be submitted",
                "submit the encoder and call `Recording::submitted`, then read",
                site,
            ));
        }
        Ok(buffer)
    }

    /// A read-back buffer.
    pub fn staging(&self, bytes: u64, checks: &mut Vec<Check>) -> Result<Raw> {
        let class = bytes.max(GRAIN).next_power_of_two();
        let class = if class > self.summary.limits.buffer_bytes { grains(bytes) } else { class };
        if let Some(raw) = self.pool.take_staging(class) {
            return Ok(raw);
        }
        let scopes = Scopes::push(&self.device);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ridgepoint read-back"),
            size: class,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        match self.seen(scopes.pop("a read-back buffer", class)) {
            Outcome::Fine => {}
            Outcome::Unknown(more) => checks.extend(more),
            Outcome::Failed(error) => return Err(error),
        }
        Ok(Raw { buffer, id: self.pool.id(), class })
    }

    /// The ticket of checks and of what the work depends on.
    pub fn ticket(&self, checks: Vec<Check>, parents: Vec<Arc<Ticket>>) -> Arc<Ticket> {
        if checks.is_empty() && parents.is_empty() { self.fine.clone() } else { Ticket::waiting(checks, parents) }
    }
}
