//! What is kept between runs: findings of `ridgepoint tune`, and on request what drivers have compiled. One file for each
//! adapter and kind. A file that is damaged or belongs to another adapter, driver or version gives one notice and is not used.

use super::report::cannot_write;
use ridgepoint::run::{AdapterSummary, Tuned};
use ridgepoint::{Device, Error, Result};
use std::path::{Path, PathBuf};

/// Where things are kept.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
    /// Compiled pipelines are kept too.
    compiled: bool,
}

/// The user's folder for such things.
fn usual() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = named("XDG_CACHE_HOME").or_else(|| named("LOCALAPPDATA"));
    Some(base.or_else(|| named("HOME").map(|home| home.join(".cache")))?.join("ridgepoint"))
}

/// An adapter as part of a file name.
fn stem(info: &AdapterSummary) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let text = format!("{} {} {}", info.backend, info.name, info.driver);
    let text: String = text.chars().map(plain).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

impl Cache {
    /// From the option `--cache`: a folder, `none`, or by default the user's.
    pub fn new(option: Option<&Path>) -> Cache {
        match option {
            Some(path) if path.as_os_str() == "none" => Cache::default(),
            Some(path) => Cache { folder: Some(path.to_owned()), compiled: true },
            None => Cache { folder: usual(), compiled: false },
        }
    }

    fn file(&self, info: &AdapterSummary, kind: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}.{kind}", stem(info))))
    }

    /// What the driver compiled in an earlier run; empty at first; `None` if that is not kept.
    pub fn compiled(&self, info: &AdapterSummary) -> Option<Vec<u8>> {
        let path = self.file(info, "pipelines").filter(|_| self.compiled)?;
        Some(std::fs::read(path).unwrap_or_default())
    }

    /// Keeps what the driver has compiled.
    pub fn keep(&self, device: &Device) -> Result<()> {
        let (Some(path), Some(bytes)) = (self.file(device.info(), "pipelines"), device.compiled()) else {
            return Ok(());
        };
        write(&path, &bytes)
    }

    /// The device with what was found for its adapter, if anything was.
    pub fn tuned(&self, device: Device) -> Device {
        let Some(path) = self.file(device.info(), "tune").filter(|p| p.exists()) else { return device };
        let place = path.display().to_string();
        let read = std::fs::read_to_string(&path)
            .map_err(|e| Error::input(&place, format!("cannot be read: {e}"), "remove it"))
            .and_then(|text| Tuned::parse(&text, &place)?.tune(device.info(), &place));
        match read {
            Ok(tune) => device.tuned(tune),
            Err(error) => {
                eprintln!("note: findings of `ridgepoint tune` are not used: {error}");
                device
            }
        }
    }

    /// Keeps what was found; gives the place, if there is one.
    pub fn keep_tuned(&self, device: &Device, tuned: &Tuned) -> Result<Option<PathBuf>> {
        let Some(path) = self.file(device.info(), "tune") else { return Ok(None) };
        write(&path, tuned.to_string().as_bytes())?;
        Ok(Some(path))
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension(format!("draft{}", std::process::id()));
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&draft, bytes))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|e| cannot_write(path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_plain_and_none_is_none() {
        let device = Device::cpu().expect("the CPU device");
        let name = stem(device.info());
        assert!(name.starts_with("cpu-Ridgepoint-CPU-") && !name.contains(['/', ' ', '(']), "{name}");
        let none = Cache::new(Some(Path::new("none")));
        assert_eq!(none.keep_tuned(&device, &Tuned::of(device.info(), Vec::new())).expect("nothing to do"), None);
        assert_eq!(none.compiled(device.info()), None);
    }

    #[test]
    fn findings_are_used_and_damaged_or_foreign_files_are_not() {
        let folder = std::env::temp_dir().join(format!("ridgepoint-cache-{}", std::process::id()));
        let cache = Cache::new(Some(&folder));
        let device = || Device::cpu().expect("the CPU device");
        let plain = device().limits().tune();
        let value = if plain.map_run == 8 { 4 } else { 8 };
        let found = Tuned::of(device().info(), vec![("map_run".into(), value)]);
        let path = cache.keep_tuned(&device(), &found).expect("written").expect("kept");
        assert_eq!(cache.tuned(device()).limits().tune().map_run, value);
        let own = found.to_string();
        for text in [own.replace("map_run", "map_ran"), own.replace("Ridgepoint", "Another"), String::new()] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(cache.tuned(device()).limits().tune(), plain);
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
