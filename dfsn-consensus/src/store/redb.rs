//! A store in a file, by [redb](https://www.redb.org).

use std::path::{Path, PathBuf};
use std::{fs, io};

use redb::{
    Builder, Database, DatabaseError, ReadOnlyTable, ReadableDatabase, StorageBackend, StorageError,
    TableDefinition, TableError, TableHandle,
};
use thiserror::Error;

use super::{Entries, KvStore, StoreError, WriteBatch};

const ENTRIES: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("dfsn");

type EntriesTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The state is in memory; what is read from the file again is mostly the inner pages of its tree.
const CACHE_BYTES: usize = 64 << 20;

/// Why a file is no store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RedbError {
    /// Somebody else writes to it.
    #[error("{path} is open in another process: stop the other node, or give this one a file of its own")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Something else.
    #[error("{path} is no redb database: give the file of a chain, or the name of a new one")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Written by a redb whose files this one does not read.
    #[error(
        "{path} has redb file format {version}, which this release does not read: \
         open it with the release that wrote it"
    )]
    FileFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u8,
    },
    /// Another program's database.
    #[error("{path} is the database of another program, with a table {table:?}: give a file of its own")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// A table in it.
        table: String,
    },
    /// Anything else that redb refuses.
    #[error("{path}: {error}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What it says.
        error: redb::Error,
    },
}

/// Entries in a file. A batch is on disk when [`KvStore::write`] returns, and the file opens at once after a crash.
#[derive(Debug)]
pub struct RedbStore {
    database: Database,
}

impl RedbStore {
    /// Opens a file, or makes it where there is none.
    ///
    /// # Errors
    /// [`RedbError`] when the file is in use, cannot be read or written, or is something else; it is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RedbError> {
        let path = path.as_ref();
        if !path.exists() {
            create(path).map_err(|error| refused(path, error))?;
        }
        Self::new(path, Builder::new().set_cache_size(CACHE_BYTES).open(path))
    }

    /// Opens what a backend of redb holds; `name` stands in errors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_backend(name: &str, backend: impl StorageBackend) -> Result<Self, RedbError> {
        Self::new(Path::new(name), Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend))
    }

    fn new(path: &Path, database: Result<Database, DatabaseError>) -> Result<Self, RedbError> {
        let store = Self { database: database.map_err(|error| refused(path, error))? };
        match store.other_table() {
            Ok(None) => Ok(store),
            Ok(Some(table)) => Err(RedbError::Foreign { path: path.to_owned(), table }),
            Err(error) => Err(RedbError::Database { path: path.to_owned(), error }),
        }
    }

    /// A table that does not belong to a chain.
    fn other_table(&self) -> Result<Option<String>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let mut names = transaction.list_tables()?.map(|table| table.name().to_owned());
        Ok(names.find(|name| name != ENTRIES.name()))
    }

    /// The entries as they are now; nothing before the first batch.
    fn entries(&self) -> Result<Option<EntriesTable>, redb::Error> {
        match self.database.begin_read()?.open_table(ENTRIES) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn put_all(&self, batch: &WriteBatch) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // Two phases, so that no choice of entries by others can make half a batch look whole; and a start after a crash
        // does not read all of the file.
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(ENTRIES)?;
            for (key, value) in &batch.puts {
                table.insert(key.as_slice(), value.as_slice())?;
            }
            for key in &batch.deletes {
                table.remove(key.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl KvStore for RedbStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.entries().map_err(failed)? else { return Ok(None) };
        let value = table.get(key).map_err(failed)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn iterate<'a>(&'a self, prefix: &[u8], start: &[u8]) -> Result<Entries<'a>, StoreError> {
        let Some(table) = self.entries().map_err(failed)? else { return Ok(Box::new(core::iter::empty())) };
        let prefix = prefix.to_vec();
        let range = table.range_owned::<&[u8]>(prefix.as_slice().max(start)..).map_err(failed)?;
        let entries = range.map(|entry| {
            let (key, value) = entry.map_err(failed)?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        });
        let is_same = move |entry: &Result<(Vec<u8>, Vec<u8>), StoreError>| {
            entry.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
        };
        Ok(Box::new(entries.take_while(is_same)))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        self.put_all(&batch).map_err(failed)
    }
}

/// Makes an empty database under another name first: a file of this name is whole, whenever the power goes.
fn create(path: &Path) -> Result<(), DatabaseError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    if unfinished.exists() {
        fs::remove_file(&unfinished)?;
    }
    drop(Builder::new().create(&unfinished)?);
    fs::rename(&unfinished, path)?;
    // On disk with its name too; not every system lets a folder be opened.
    if let Some(Ok(folder)) = path.parent().map(fs::File::open) {
        folder.sync_all()?;
    }
    Ok(())
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError(Box::new(error.into()))
}

fn refused(path: &Path, error: DatabaseError) -> RedbError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            RedbError::Locked { path }
        }
        DatabaseError::UpgradeRequired(version) => RedbError::FileFormat { path, version },
        DatabaseError::Storage(StorageError::Io(error)) if is_no_database(&error) => {
            RedbError::NotADatabase { path }
        }
        error => RedbError::Database { path, error: error.into() },
    }
}

/// Without redb's first bytes.
fn is_no_database(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}
