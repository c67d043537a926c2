"Packaging; every setting is in settings.ini, which nbdev reads too"
import shlex, shutil
from configparser import ConfigParser
from pathlib import Path

import setuptools
from setuptools.command.build_py import build_py

settings = ConfigParser(delimiters=['='])
settings.read('settings.ini', encoding='utf-8')
cfg = settings['DEFAULT']
lib = cfg['lib_name']
STATUS = '1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable', '6 - Mature', '7 - Inactive'


def words(*names: str) -> list[str]: return [word for name in names for word in shlex.split(cfg.get(name, ''))]


class BuildPy(build_py):
    "Copies the notebooks into the built package, for `fastlearn lab`, so that the repository holds each once"

    def run(self):
        super().run()
        if self.editable_mode: return
        source, target = Path('nbs'), Path(self.build_lib)/lib/'notebooks'
        for file in source.rglob('*'):
            inside = file.relative_to(source)
            hidden = any(part.startswith(('.', '_')) for part in inside.parts)
            if not file.is_file() or hidden or inside.name == 'index.ipynb': continue
            (target/inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target/inside)


setuptools.setup(
    name=lib, version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'].split(),
    author=cfg['author'], author_email=cfg.get('author_email') or None, url=cfg.get('git_url') or None,
    license_expression='Apache-2.0', license_files=['LICENSE', 'NOTICE', f'{lib}/weights/LICENSE.md'],
    long_description=Path('README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    classifiers=[f"Development Status :: {STATUS[int(cfg['status'])-1]}", 'Framework :: Jupyter', 'Typing :: Typed',
                 'Intended Audience :: Education', 'Topic :: Scientific/Engineering :: Artificial Intelligence',
                 *(f'Programming Language :: Python :: 3.{minor}' for minor in (11, 12, 13))],
    packages=setuptools.find_packages(include=[lib, f'{lib}.*']), include_package_data=False,
    package_data={lib: words('package_data')}, zip_safe=False, cmdclass={'build_py': BuildPy},
    python_requires=f">={cfg['min_python']}", install_requires=words('requirements'),
    extras_require={'lab': words('lab_requirements'), 'onnx': words('onnx_requirements'),
                    'dev': words('lab_requirements', 'onnx_requirements', 'dev_requirements')},
    entry_points={'console_scripts': words('console_scripts'), 'nbdev': [f'{lib}={lib}._modidx:d']})
