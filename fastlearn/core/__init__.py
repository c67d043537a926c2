"""Devices, processes, files, live HTML: what knows no image and no model"""
