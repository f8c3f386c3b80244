// Package cnn has convolutional nets.
package cnn
