//! Memory that holds machine code, and the call of it.
#![cfg_attr(
    all(unix, target_arch = "x86_64"),
    expect(unsafe_code, reason = "machine code is memory that becomes executable, and is called through a pointer")
)]
#[cfg(all(unix, target_arch = "x86_64"))]
pub use host::{Memory, explain, plain};
#[cfg(not(all(unix, target_arch = "x86_64")))]
pub use none::{Memory, explain, plain};

#[cfg(all(unix, target_arch = "x86_64"))]
mod host {
    use super::super::super::context::{Context, Ins};
    use super::super::Arguments;
    use super::super::check::Scene;
    use std::ptr::NonNull;

    /// Machine code, executable and not writable.
    pub struct Memory {
        start: NonNull<u8>,
        bytes: usize,
    }

    // SAFETY: nothing writes the memory after it was made.
    unsafe impl Send for Memory {}
    // SAFETY: as above.
    unsafe impl Sync for Memory {}

    impl Memory {
        /// Memory with this code; none where the system does not give it.
        pub fn new(code: &[u8]) -> Option<Self> {
            let bytes = code.len().max(1).next_multiple_of(4096);
            let (protection, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: a new private mapping, of no file.
            let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, kind, -1, 0) };
            if start == libc::MAP_FAILED {
                return None;
            }
            let memory = Self { start: NonNull::new(start.cast())?, bytes };
            // SAFETY: the mapping is at least as long as the code, and nothing else knows of it.
            unsafe { memory.start.copy_from_nonoverlapping(NonNull::from(code).cast(), code.len()) };
            // SAFETY: all of the mapping, which is ours; from now on nobody writes it.
            let done = unsafe { libc::mprotect(start, bytes, libc::PROT_READ | libc::PROT_EXEC) };
            (done == 0).then_some(memory)
        }

        /// Runs the function that begins at `entry`, if the code is so long.
        pub fn call(&self, entry: usize, arguments: &mut Arguments) {
            assert!(entry < self.bytes, "bug: an entry beyond the code");
            let start = self.start.as_ptr().wrapping_add(entry);
            // SAFETY: `Native` put a function of this convention there, and makes any only where the processor has its instructions.
            let function = unsafe { std::mem::transmute::<*mut u8, unsafe extern "sysv64" fn(*mut Arguments)>(start) };
            // SAFETY: the function stays within the lines in use of the lane and uniform registers that the assembler checked and within the
            // scratch lines that `State` made room for, and compares each address with the limits in the arguments; the entries of a variable's
            // shadow have the addresses of its words.
            unsafe { function(arguments) }
        }
    }

    impl Drop for Memory {
        fn drop(&mut self) {
            // SAFETY: the mapping that `new` made, unmapped once, here.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
        }
    }

    /// Where the function is that machine code calls for an operation that it has no instructions for.
    pub fn plain() -> *const u8 {
        operation as *const u8
    }

    /// Where the function is that machine code calls for a check that does not pass.
    pub fn explain() -> *const u8 {
        look as *const u8
    }

    /// Runs the plain instruction of a check on one line.
    ///
    /// # Safety
    /// The scene is that of the arguments that the calling function was given, the check one of it, and so many lines are left.
    unsafe extern "sysv64" fn look(scene: *mut Scene<'_, '_>, check: usize, left: usize) {
        // SAFETY: the caller's; nothing else uses the scene while the function runs.
        let scene = unsafe { &mut *scene };
        let ins = *scene.begin(check, left);
        // SAFETY: the code is for this processor.
        unsafe { (ins.run)(&mut scene.line, &ins, 0) };
        scene.end();
    }

    /// Runs the plain code of an operation.
    ///
    /// # Safety
    /// Both pointers are those of the arguments that the calling function was given.
    unsafe extern "sysv64" fn operation(context: *mut Context<'_>, ins: *const Ins) {
        // SAFETY: the caller's; nothing else uses the context while the function runs, and the code is for this processor.
        unsafe { ((*ins).run)(&mut *context, &*ins, 0) };
    }
}

#[cfg(not(all(unix, target_arch = "x86_64")))]
mod none {
    use super::super::Arguments;

    /// No machine code is run on this platform.
    pub struct Memory;

    impl Memory {
        /// None.
        pub fn new(_: &[u8]) -> Option<Self> {
            None
        }

        /// Nothing.
        pub fn call(&self, _: usize, _: &mut Arguments) {}
    }

    /// Nothing.
    pub fn explain() -> *const u8 {
        std::ptr::null()
    }

    /// Nothing.
    pub fn plain() -> *const u8 {
        std::ptr::null()
    }
}
