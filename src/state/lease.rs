//! One writer per state. On a local disk the lease is a lock of the operating system, held for life and freed at
//! once by a kill; the file beside it only names the holder.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use super::{Error, files};

/// The right to write a state. Dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    _lock: File,
    holder: PathBuf,
}

impl Lease {
    /// Takes the lease, or says who holds it.
    pub fn take(root: &Path, holder: &str) -> Result<Self, Error> {
        files::directory(root)?;
        let path = root.join("lease.lock");
        let lock = files::lock_file(&path)?;
        let name = root.join("lease.json");
        match lock.try_lock() {
            Ok(()) => {
                files::write(&name, holder.as_bytes())?;
                Ok(Self {
                    _lock: lock,
                    holder: name,
                })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Leased {
                holder: named(&name)?,
            }),
            Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
        }
    }

    /// Returns who holds the lease, if anybody does. It takes nothing.
    pub fn holder(root: &Path) -> Result<Option<String>, Error> {
        if !root.join("lease.lock").exists() {
            return Ok(None);
        }
        let lock = files::lock_file(&root.join("lease.lock"))?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => named(&root.join("lease.json")).map(Some),
            Err(TryLockError::Error(error)) => Err(Error::io(root)(error)),
        }
    }
}

/// Who the file says the holder is.
fn named(path: &Path) -> Result<String, Error> {
    let holder = files::read(path)?.unwrap_or_default();
    let holder = String::from_utf8_lossy(&holder).into_owned();
    Ok(if holder.is_empty() {
        "another run".to_owned()
    } else {
        holder
    })
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The name is courtesy; the lock is what counts, and it goes with the file.
        let _ = files::remove(&self.holder);
    }
}
