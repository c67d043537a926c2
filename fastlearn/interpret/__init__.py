"""Analyzes a trained model: errors, layers, filters, and the part of the image that matters"""
