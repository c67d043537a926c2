"""Looks into a trained model: errors, layers, filters, the part of the image that decides"""
