// Package data brings labelled data to the kernels and nets: a Dataset is a
// matrix of n rows (samples) and d columns (features) with one class label per
// row, and everything here makes one, splits one or normalises one.
//
// Where a Dataset comes from:
//
//   - [New]: a matrix and labels of your own;
//   - [ReadCSV], [ReadCSVFile]: a table of your own;
//   - [ReadARFF], [ReadARFFFile]: a table of OpenML or Weka;
//   - [Embedded], [Wine]: small real sets inside the program;
//   - [LoadJMLR]: the collection of Fernández-Delgado et al.,
//     JMLR 15 (2014), 3133-3181, read from a folder; [FoundJMLR] lists the sets
//     that are there;
//   - [MNIST], [FashionMNIST], [CIFAR10]: images, kept as the bytes of their files.
//
// [Prepare] takes a Dataset, a [Split] and a [Normalization] and returns what a
// net or a kernel method trains on. [Dataset.Audit] says what to know of a set before that: how far
// its rows are from one sphere, which are there twice or nearly, how its classes are balanced,
// which columns are constant.
//
// # Files
//
// LoadJMLR looks in $KERNELSMITH_DATA/jmlr/<set>, then in the cache,
// $KERNELSMITH_CACHE/jmlr/<set> (by default the folder kernelsmith in the
// user's cache folder). Images are looked for in mnist, fashion-mnist and
// cifar-10-batches-bin of the same two, file by file. Nothing here goes to the
// network: that is done only by the command
//
//	go run github.com/kernelsmith/kernelsmith/data/fetch wine-quality-red mnist
//
// Files are compared with the published checksums as they are read.
//
// Keeping the network out of this package also keeps it out of every notebook
// cell that imports it, which otherwise would take twice as long to link.
//
// # Errors
//
// Nothing here panics on bad data. Errors that a caller may want to branch on
// have types: [*NotFoundError], [*ChecksumError], [*FormatError].
package data
