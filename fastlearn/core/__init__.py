"""Devices, processes, files, and live HTML, independent of images and models"""
