"""Django permissions of members, the same in the API and in the admin."""

MAY_IMPORT = "importexport.add_importjob"
MAY_EXPORT = "importexport.add_exportjob"
